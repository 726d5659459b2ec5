"""Choice: which option a response settles on."""

import pytest

from datafactory.plugins import NoSettings
from datafactory.types import Completion, Problem
from datafactory.verifiers import choice

from ..real import rows_of

FORMS = (
    "{}",
    r"Hence \boxed{{{}}}",
    "So the answer is ({}).",
    "**Answer: {}**",
    "{}. It is so.",
    "{}. {}",
    "({}) {}",
    "The correct answer is:\n\n**{}. {}**",
    "{}) {}\n\nExplanation: as shown.",
    "Option {} is correct because of {}.",
    "答案是{}",
)
CITIES = ("Paris", "$y$", "London", "a dog")


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("So \\boxed{B}.", "B"),
        ("\\boxed{\\text{(B)}}", "B"),
        ("\\boxed{(C) London}", "C"),
        ("\\boxed{London}", "C"),
        ("The answer is \\(\\boxed{y}\\).", "B"),
        ("The answer is (B).", "B"),
        ("the answer is (b)", "B"),
        ("Answer: B", "B"),
        ("**Answer:** B", "B"),
        ("Answer:\nB", "B"),
        ("The correct answer is option C", "C"),
        ("Option C is the correct answer.", "C"),
        ("The best choice would be **(C) London**.", "C"),
        ("答案是B", "B"),
        ("故选：（Ｃ）", "C"),
        ("B", "B"),
        ("b.", "B"),
        ("**C**", "C"),
        ("C. London", "C"),
        ("London", "C"),
        ("I think it's (D).", "D"),
        ("The answer is A because it is the capital.", "A"),
        ("The answer is (A). Wait, no. The answer is D.", "D"),
        ("<answer>B</answer>", "B"),
        ("The correct option is (B) because it is y.", "B"),
        ("B) y", "B"),
        ("Answer: B. y", "B"),
        ("Option B", "B"),
        ("**Option B**", "B"),
        ("The answer is $B$.", "B"),
        ("The answer is \\(B\\).", "B"),
        ("The answer is $\\text{B}$", "B"),
        ("The correct answer is \\textbf{(B)}", "B"),
        ("Final Answer: B", "B"),
        ("**Final Answer**\n\nB", "B"),
        ("### Answer\n**B**", "B"),
        ("Final answer: **B. y**", "B"),
        ('{"answer": "B"}', "B"),
        ("answer: b", "B"),
        ("ANSWER: B", "B"),
        ("The answer is B, since London is not it.", "B"),
        ("Thus, B is correct.", "B"),
        ("Therefore the correct choice is B) y.", "B"),
        ("B. y\n\nExplanation: Paris is in France.", "B"),
        ("B\n\nBecause it is.", "B"),
        ("**B. y**\n\nReason", "B"),
        ("This corresponds to option (B).", "B"),
        ("This matches option B.", "B"),
        ("I would choose option B.", "B"),
        ("We choose (B).", "B"),
        ("因此，正确答案是 **B**。", "B"),
        ("正确选项为B", "B"),
        ("所以选B。", "B"),
        ("应选B", "B"),
        ("选项B正确", "B"),
        ("答案：B", "B"),
        ("The answer is London.", "C"),
        ("The answer is **London**.", "C"),
        ("Answer: London", "C"),
        ("Let me think about it.\n\n(B)", "B"),
        ("... so the answer should be (B) y.", "B"),
        ("The final answer is $\\boxed{B}$.", "B"),
        ("\\boxed{B. y}", "B"),
        ("\\boxed{\\textbf{(B) } y}", "B"),
        ("\\boxed{\\mathrm{B}}", "B"),
        ("The correct answer to this question is B", "B"),
        ("The correct answer here is B", "B"),
        ("So the correct letter is B", "B"),
        ("A is wrong. B is the answer.", "B"),
        ("(B) is the answer", "B"),
        ("My answer: (B)", "B"),
        ("The answer must be B.", "B"),
        ("answer is: B", "B"),
        ("Answer = B", "B"),
        ("The answer is therefore B.", "B"),
        ("Answer: The correct answer is B.", "B"),
        ("<answer>(B) y</answer>", "B"),
        ("<answer> Option B </answer>", "B"),
        ("The correct answer is:\n\nB. y", "B"),
        ("The correct answer is:\n\n**(B) y**", "B"),
        ("Among the options, D is the best.", "D"),
        ("It's option D", "D"),
        ("Hence, the correct option is D, a dog.", "D"),
        ("A dog", "D"),
        ("A", "A"),
    ],
)
def test_the_option_that_a_response_settles_on(response, letter):
    assert choice.settled_on(response, CITIES) == letter


@pytest.mark.parametrize(
    "response",
    [
        "",
        "A dog is an animal.",
        "A train is fast.",
        "The answer is a train",
        "The answer is A train that runs",
        "The answer is not A",
        "I think so",
        "The answer is E",
        "The answer is A and B",
        "\\boxed{A, B}",
        "A. Paris\nB. y\nC. London",
        "Berlin",
        "not B",
        "(A) and (C)",
        "Option (B) cannot be right.",
        "(A) is wrong.",
        "Let us consider option (B)",
        "The answer is either A or B",
        "If the answer is B, then C is false.",
        "Is the answer B?",
        "The answer is B? No.",
        "A common wrong answer is B.",
        "选项B不正确",
        "选项A：巴黎\n选项B：y\n选项C：伦敦",
        "Both A and C are correct.",
        "不选B",
        "答案不是B",
        "The answer isn't B",
        "B is not correct.",
        "B is incorrect.",
        "The answer is A or B.",
        "The answer is B or maybe C",
        "ABC",
        "\\boxed{E}",
        "The answer is A. The answer is E.",
        "\\boxed{AB}",
        "The answer is C = 5",
        "The answer is B-flat",
        "Paris or London",
        "A. Paris: wrong.\nB. y: wrong.",
        "\\boxed{B. Paris}",
        "Answer: A, B",
        "答案是A和B",
        "答案：AB",
        "We see that option A says Paris (B)?",
        "I am not sure whether A is correct",
        "Suppose B is correct.",
        "The answer could be B",
        "The incorrect answer is B",
        "Why is B the answer?",
        "Options: A, B, C, D",
        "E",
        "The correct answers are A and C",
        "One option is B",
        "Neither A nor B",
        "None of the above",
        "We have A = 3 and B = 4",
        "So it is not (B)",
        "Vitamin C is the best",
        "Plan B is best",
        "Hepatitis B is the right",
        "Statement A is correct.",
    ],
)
def test_a_response_that_settles_on_none(response):
    assert choice.settled_on(response, CITIES) is None


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("We weigh them up, and now to option (B)", None),
        ("We weigh them up:\nB", None),
        (r"\boxed{B} and", "B"),
        ("The answer is B. To be", "B"),
    ],
)
def test_where_a_truncated_response_stopped_is_no_answer(response, letter):
    assert choice.settled_on(response, CITIES, cut=True) == letter
    cut = Completion(response, finish_reason="length")
    assert (choice.verify(Problem("q", "B", choices=CITIES), cut, NoSettings()).reward == 1) == (letter == "B")


@pytest.mark.parametrize(("response", "letter"), [("0.5", "B"), (r"\boxed{\frac{1}{2}}", "B"), ("2", None)])
def test_an_option_is_named_by_its_text_in_any_spelling_of_the_number(response, letter):
    assert choice.settled_on(response, ("1", "1/2", "1000 m", "3")) == letter


def test_a_letter_is_a_letter_even_where_the_options_are_letters():
    blood = ("AB", "A", "B", "O")
    assert choice.named("B", blood) == "B" and choice.named("AB", blood) == "A" and choice.named("O", blood) == "D"


def test_a_text_that_two_options_share_names_neither():
    assert choice.named("one", ("one", "one", "two")) is None


@pytest.mark.parametrize(
    ("gold", "status"),
    [("C", "correct"), ("(C)", "correct"), ("London", "correct"), ("A", "incorrect"), ("Rome", "undecidable_gold")],
)
def test_gold_is_a_letter_or_the_text_of_an_option(gold, status):
    problem = Problem("q", gold, choices=CITIES)
    assert choice.verify(problem, Completion("It must be:\n(C)"), NoSettings()).status == status


def test_no_option_found_is_no_answer():
    verdict = choice.verify(Problem("q", "B", choices=CITIES), Completion("Hard to say."), NoSettings())
    assert (verdict.reward, verdict.status) == (0.0, "no_answer")


def test_ten_options_without_a_list():
    assert choice.settled_on("The answer is J.", ()) == "J"
    assert choice.settled_on("The answer is K.", ()) is None


def test_every_gold_option_of_mmlu_is_found_and_no_other():
    rows = rows_of("problems/mmlu_stem")[:500]
    for row in rows:
        problem = Problem(row["question"], "ABCD"[row["answer"]], choices=tuple(row["choices"]))
        gold, other = "ABCD"[row["answer"]], "ABCD"[(row["answer"] + 1) % 4]
        texts = dict(zip("ABCD", row["choices"], strict=True))
        for form in FORMS:
            right = choice.verify(problem, Completion(form.format(gold, texts[gold])), NoSettings())
            wrong = choice.verify(problem, Completion(form.format(other, texts[other])), NoSettings())
            assert (right.reward, wrong.reward) == (1.0, 0.0), (form, row)


def test_the_text_of_an_option_alone_names_it_wherever_it_cannot_be_a_letter():
    rows = rows_of("problems/mmlu_stem")
    named = 0
    for row in rows:
        gold, choices = "ABCD"[row["answer"]], tuple(row["choices"])
        if any(len(option) < 4 for option in choices):
            continue
        for at, option in enumerate(choices):
            found = choice.settled_on(rf"So it is \boxed{{{option}}}.", choices)
            assert found in ("ABCD"[at], None), row
            named += found is not None and found == gold
    assert named > 2000


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ("We rule out two.\n\n(A) Paris", "correct"),
        ("We rule out two.\n\n**A. Paris**", "correct"),
        ("### Final Answer\n\nA. Paris", "correct"),
        ("It is in Italy.\n\n(B) Rome", "incorrect"),
        ("I cannot tell.\n\n(A) Rome", "no_answer"),
        ("The options:\nB. Rome\nA. Paris", "no_answer"),
        ("Let us see.\n(A) is wrong", "no_answer"),
    ],
)
def test_a_letter_with_its_text_on_the_last_line_is_the_answer(response: str, status: str):
    problem = Problem("Which?", "A", choices=("Paris", "Rome", "Berlin", "Madrid"))
    assert choice.verify(problem, Completion(response), NoSettings()).status == status
