"""Personal data and secrets: found in their usual forms, told apart from the numbers of mathematics, never shown whole.

The keys below are made up; they are put together here so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import polars as pl
import pytest

from filters.pii import evidence, pii

AWS = "AKIA" + "Q3EGTYUVW5SL2MNX"
GITHUB = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
OPENAI = "sk-" + "proj-" + "T3BlbkFJ9aXq71LmNc02RtYvWzPs4Ku8"
HUGGING = "hf_" + "qRtYuIoPaSdFgHjKlZxCvBnM1234567890"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiI5ODc2NTQifQ." + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1g"
BLOCK = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq0x8s5Qk1\n-----END RSA PRIVATE KEY-----"


def of(response: str | None, question: str | None = "What is it?") -> float:
    return pii(pl.DataFrame({"question": [question], "reasoning": [None], "response": [response]}))[0]


FOUND = [
    "Write to maria.lopez@gmail.com today.",
    "Contact: j.smith@cs.uni-bonn.de",
    "邮箱是zhang.wei@163.com。",
    f"export AWS_ACCESS_KEY_ID={AWS}",
    f"token: {GITHUB}",
    f"client = OpenAI(api_key='{OPENAI}')",
    f"use {HUGGING} to log in",
    f"Authorization: Bearer {JWT}",
    BLOCK,
    "password = 'hT7$kq29LmZx!pQ'",
    "postgres://anna:Zr81kQ0x@db.host.net:5432/shop",
    "Call +1 415-555-2671 now.",
    "My number is +49 30 901820.",
    "+44 20 7946 0958",
    "Ring +33 6 12 34 56 78.",
    "Phone: (212) 555-0187.",
    "Reach us at 212-555-0187.",
    "call me at 555-123-4567",
    "电话：13812345678",
    "手机号是 138 1234 5678",
    "Telefon: 030 1234567",
    "тел. 8 (495) 123-45-67",
    "+8613812345678",
    "Card 4111 1111 1111 1111, please.",
    "4012-8888-8888-1881",
    "visa 5555555555554444",
    "Pay to DE89 3704 0044 0532 0130 00.",
    "GB82WEST12345698765432",
    "The server is at 185.199.108.153.",
    "SSN 536-22-8726",
    "身份证号 11010519491231002X",
]  # fmt: skip

KEPT = [
    "pi is 3.14159265358979, e is 2.718281828459045.",
    "123-456 = -333 and 900-300-1500 = -900",
    "123-45-6789",
    "800-200-1000",
    "5 +4155552671 = 4155552676",
    "x +1 234 and y -12 345 678",
    "The sum is +2.39789527279 or +28.5491253332.",
    "2147483647 * 2147483648 = 4611686016279904256",
    "1234567890 is a 10-digit number.",
    "4111111111111111 is odd.",
    "4111 1111 1111 1112",
    "The year 2023-10-05, at 10:30.",
    "ISBN 978-3-16-148410-0",
    "version 3.11.4.2, v1.2.3.4 and 10.0.19041.1237",
    "Write to someone@example.com or user@domain.com.",
    "The function f@g.shape(2) and q @ k.T, q@k.transpose(0)",
    "127.0.0.1, 192.168.1.10, 10.0.0.5, 8.8.8.8 and 192.0.2.7",
    "255.255.255.0 and 203.0.113.9",
    "git@github.com",
    "api_key = 'your_api_key_here_1A'",
    "password = os.environ['PASSWORD_9xY']",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx and AKIAIOSFODNN7EXAMPLE",
    "https://user:password@host/db",
    "DE00 3704 0044 0532 0130 00",
    "SSN 000-12-3456 and 999-88-7777",
    "The phone costs 1250000 won, the cell has 12 walls.",
    "1010 1010 1010 1010",
    "110105194912310021",
    "0.6667. 0.6667",
    "Call the hotline at 1-800-273-8255 or 1 (888) 407-4747.",
    "$\\frac{1}{7} = 0.142857142857$",
    "the table task-based-learning-is-not-a-key-at-all-9",
    "",
    None,
]  # fmt: skip


@pytest.mark.parametrize("response", FOUND)
def test_personal_data_and_secrets_are_found(response):
    assert of(response) == 1


@pytest.mark.parametrize("response", KEPT)
def test_numbers_and_placeholders_are_kept(response):
    assert of(response) == 0


def test_a_table_is_measured_row_by_row():
    rows = pl.DataFrame({"response": [*FOUND, *KEPT]}).with_columns(reasoning=pl.lit(None, pl.String))
    assert pii(rows).to_list() == [1.0] * len(FOUND) + [0.0] * len(KEPT)


def test_different_findings_are_counted_once_each():
    mail = "maria.lopez@gmail.com"
    rows = pl.DataFrame(
        {"reasoning": [f"It is {mail}."], "response": [f"{mail}, +1 415-555-2671 and +1 (415) 555-2671"]}
    )
    assert pii(rows).to_list() == [2.0]


@pytest.mark.parametrize(
    "question, response",
    [
        ("Which digits has (212) 555-0187?", "212-555-0187 has eleven minus one."),
        ("Is 4111 1111 1111 1111 a valid card?", "4111111111111111 is, or 4111 1111 1111 1111."),
        ("Reply to Maria.Lopez@gmail.com", "To: maria.lopez@gmail.com"),
        ("What is the network of 185.199.108.153/22?", "185.199.111.255 is its broadcast address."),
    ],
)
def test_what_stands_in_the_question_is_no_finding(question, response):
    assert of(response, question) == 0
    assert of(response) >= 1 or question.startswith("What is")


def test_the_evidence_shows_no_secret():
    rows = pl.DataFrame({"reasoning": [None, None], "response": [f"{GITHUB}, {BLOCK} and maria.lopez@gmail.com", "12"]})
    told = evidence(rows).to_list()
    assert told[0].startswith("3 findings: ") and "key ghp_***" in told[0] and "e-mail ma***" in told[0]
    assert told[1] is None
    for secret in (GITHUB[4:12], "MIIE", "lopez"):
        assert secret not in told[0]


def test_long_runs_are_measured():
    assert of("+1 " * 100_000 + "1.2." * 100_000 + "4111 " * 100_000 + "a@" * 100_000) >= 0


@pytest.mark.parametrize(
    "text",
    [
        "token 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",
        "tel: 030 901820",
        "Phone: 030-23125000",
        "Tel.: 030 / 901 820 14",
        "Write to john dot smith at gmail dot com",
        "Write to jane (at) acme (dot) org",
        "His number is 020 7946 0958 in London.",
    ],
)
def test_forms_that_people_write_by_hand_are_found(text):
    assert of(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "token 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",
        "Call 1-800-555-1234",
        "look at amazon dot com",
        "the dot product at x dot y is 3",
        "my number is 01234567",
        "my number is 300 500 000",
    ],
)
def test_forms_like_them_are_kept(text):
    assert of(text) == 0
