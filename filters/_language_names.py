"""Languages that a question asks about: `Translate this into French` makes French words in the thinking no slip.

In    a column of questions
Out   for each the codes of the languages that it names, by their names in English, in Chinese and in themselves
Asks  it names one as a language: `into French`, `the French word for`, `用法语`; or it has words about language
      (translate, means, 翻译). French fries, Chinese remainders and students who take Spanish are about none
"""

from __future__ import annotations

import re
from functools import cache

import polars as pl

NAMES = {
    "en": "English|英语|英文|英語|anglais|inglés|inglese|inglês|Englisch|английск|англійськ|영어|الإنجليزية|"
    "अंग्रेज़ी|अंग्रेजी|ইংরেজি|engelsk|Engels|angielsk|angličtin|İngilizce|"
    "tiếng Anh|tiếng anh|Inggris|Kiingereza|انگلیسی|ภาษาอังกฤษ",
    "zh": "Chinese|Mandarin|Cantonese|中文|汉语|漢語|华语|普通话|粤语|國語|[Pp]inyin|chinois|chino|китайск|중국어",
    "ja": "Japanese|日语|日文|日本語|[Kk]anji|[Hh]iragana|[Kk]atakana|romaji|japonais|japonés|Japanisch|японск|일본어",
    "ko": "Korean|韩语|韓語|韩文|한국어|Hangul|hangul|coréen|coreano|Koreanisch|корейск",
    "fr": "French|法语|法文|法語|français|Français|francés|francese|francês|Französisch|французск|프랑스어|フランス語",
    "de": "German|德语|德文|德語|Deutsch|deutsch|allemand|alemán|tedesco|alemão|немецк|독일어|ドイツ語",
    "es": "Spanish|西班牙语|西班牙文|español|Español|castellano|espagnol|spagnolo|espanhol|испанск|스페인어|スペイン語",
    "it": "Italian|意大利语|意大利文|italiano|Italiano|italien|Italienisch|итальянск|이탈리아어|イタリア語",
    "pt": "Portuguese|葡萄牙语|葡萄牙文|português|Português|portugais|portugués|portoghese|Portugiesisch|португальск",
    "ru": "Russian|俄语|俄文|俄語|русск|Русск|russe|ruso|russo|Russisch|러시아어|ロシア語|Cyrillic|Slavic",
    "uk": "Ukrainian|乌克兰语|українськ|украинск",
    "bg": "Bulgarian|保加利亚语|българск",
    "mk": "Macedonian|македонск",
    "ar": "Arabic|阿拉伯语|阿拉伯文|العربية|عربي|arabe|árabe|arabo|Arabisch|арабск|아랍어",
    "fa": "Persian|Farsi|波斯语|فارسی",
    "ur": "Urdu|乌尔都语|اردو",
    "he": "Hebrew|希伯来语|עברית",
    "yi": "Yiddish|ייִדיש",
    "el": "Greek|希腊语|ελληνικ|Ελληνικ",
    "hi": "Hindi|印地语|हिन्दी|हिंदी|Devanagari",
    "mr": "Marathi|मराठी",
    "ne": "Nepali|नेपाली",
    "sa": "Sanskrit|संस्कृत",
    "bn": "Bengali|Bangla|孟加拉语|বাংলা",
    "pa": "Punjabi|ਪੰਜਾਬੀ",
    "gu": "Gujarati|ગુજરાતી",
    "or": "Odia|Oriya|ଓଡ଼ିଆ",
    "ta": "Tamil|泰米尔语|தமிழ்",
    "te": "Telugu|తెలుగు",
    "kn": "Kannada|ಕನ್ನಡ",
    "ml": "Malayalam|മലയാളം",
    "si": "Sinhala|Sinhalese|සිංහල",
    "th": "Thai|泰语|ไทย",
    "lo": "Laotian|ລາວ",
    "km": "Khmer|Cambodian|ខ្មែរ",
    "my": "Burmese|မြန်မာ",
    "bo": "Tibetan|藏语",
    "ka": "Georgian|ქართულ",
    "hy": "Armenian|հայերեն",
    "am": "Amharic|አማርኛ",
    "mn": "Mongolian|蒙古语|монгол",
    "vi": "Vietnamese|越南语|越南文|tiếng Việt|Tiếng Việt",
    "tr": "Turkish|土耳其语|Türkçe|türkçe",
    "id": "Indonesian|印尼语|印度尼西亚语|Bahasa|bahasa",
    "ms": "Malay|马来语|Melayu",
    "fil": "Tagalog|Filipino",
    "nl": "Dutch|荷兰语|荷兰文|Nederlands|nederlands|néerlandais|holandés|Niederländisch",
    "af": "Afrikaans",
    "sv": "Swedish|瑞典语|svenska",
    "nb": "Norwegian|挪威语|norsk",
    "da": "Danish|丹麦语|dansk",
    "is": "Icelandic|冰岛语|íslensk",
    "fi": "Finnish|芬兰语|suome",
    "et": "Estonian|eesti",
    "hu": "Hungarian|匈牙利语|magyar",
    "pl": "Polish|波兰语|波兰文|polsk|polonais|polaco|polacco|Polnisch|польск",
    "cs": "Czech|捷克语|češtin|česk",
    "sk": "Slovak|slovensk|slovenčin",
    "sl": "Slovene|Slovenian|slovenšč",
    "sh": "Croatian|Serbian|Bosnian|hrvatsk|srpsk|bosansk|сербск|српск",
    "ro": "Romanian|罗马尼亚语|român",
    "ca": "Catalan|català",
    "lt": "Lithuanian|lietuvi",
    "lv": "Latvian|latvie",
    "sq": "Albanian|shqip",
    "cy": "Welsh|Cymraeg",
    "sw": "Swahili|斯瓦希里语|Kiswahili|kiswahili",
    "so": "Somali|Soomaali",
    "la": "Latin phrase|Latin word|Latin name|in Latin|into Latin|from Latin|拉丁语|拉丁文",
    "eo": "Esperanto",
    "eu": "Basque|Euskara|euskara",
    "ga": "Irish|Gaelic|Gaeilge",
    "ht": "Creole",
}
# said apart by the lists, meant together by those who name one
_KIN = ({"id", "ms"}, {"nb", "da"}, {"hi", "ur"}, {"ru", "uk"}, {"cs", "sk"}, {"mk", "bg"}, {"hi", "sa", "mr", "ne"})


# What a language's name stands behind where it is meant as a language, and before; in the question's language.
_BEFORE = (
    r"(?:\b(?:in|into|from|to|learn|learning|teach me|know|answer|auf|ins|aus dem|im|en|em|in|al|au|ao|del|du|do|po|på|"
    r"til|till|naar|van|ke|kwa|dalam|ke dalam|bằng|sang|на|с|по|з) |\bпо-|\b[Bb]ahasa |all'|dall'|en l'|l'|"
    r"用|以|成|为|為|译|譯|说|說|讲|把|从|従|إلى |باللغة |ب|به )"
)
_BEHIND = (
    r"(?:e?s|e|n|a|o)?(?: (?:words?|phrases?|sentences?|texts?|poems?|verbs?|nouns?|adjectives?|pronouns?|particles?|"
    r"grammar|language|translations?|for|letters?|alphabet|names?|terms?|expressions?|proverbs?|idioms?|sayings?|tenses?|"
    r"spelling|lyrics|songs?|lessons?|learners?|speakers?|vocabulary|characters?|script|title|Wort|Wörter|Satz|Text)\b|"
    r"-speaking|怎么|翻|单词|單詞|词|句|语法|語法|语序|表达|回答|写|里|中|是什么|字|版|で|"
    r"に|の単語|の文|로(?! 된)| ?단어| ?문장| ?표현| ?번역|"
    r"\w* (?:язык|слов|фраз|глагол|предложени)|に| में| भाषा|তে|ce(?:de|ye|si)?\b|:|：)"
)
# `in French fries` is about none
_GOES_ON = r"(?! (?!(?:and|or|but|please|with|for|is|to|that|as|about|on|if|then|the|using|by)\b)[a-z]{3,})"
# Words that speak of language themselves: a name anywhere in the question is a language's then
_ABOUT = re.compile(
    r"\b[Tt]ranslat(?:e[sd]?|ions?|ing|or)\b|\bmeans\b|\bmeaning\b|[Ww]hat (?:do|does|did|is) .{1,80}\bmean\b|"
    r"\b(?:[Cc]onjugat|[Pp]ronounc|[Pp]ronunciation|[Ee]tymolog|[Gg]ramma|[Ll]inguist|[Tt]raduc|[Tt]radui|[Tt]raduz|[Tt]radur|"
    r"[Üü]bersetz|[Ss]ignifi[ck]?a?|[Bb]edeut|[Vv]ertaal|[Öö]versätt|[Oo]versett|[Оо]значает|[Пп]ереве[дс]|[Пп]еревод)|"
    r"翻译|翻譯|翻訳|译成|譯成|译为|訳し|訳せ|訳す|怎么说|怎麼說|怎么读|发音|發音|什么意思|的意思|意味|拼音|漢字|汉字|成语|번역|뜻|발음|"
    r"ترجم|معنى|अनुवाद|অনুবাদ|แปล|çevir|[Tt]erjemah|[Dd]ịch|[Tt]afsiri"
)


def about_language(question: str | None) -> bool:
    return question is not None and _ABOUT.search(question) is not None


def named(questions: pl.Series) -> list[frozenset[str]]:
    """The languages that each question asks about by their names, and their near kin."""
    found: list[set[str]] = [set() for _ in range(questions.len())]
    for row in questions.str.contains("|".join(NAMES.values())).arg_true():
        about = about_language(questions[row])
        for language, (name, as_language) in _patterns().items():
            if (name if about else as_language).search(questions[row]):
                found[row].add(language)
    return [
        frozenset(languages.union(*(kin for kin in _KIN if kin & languages))) if languages else frozenset()
        for languages in found
    ]


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str], re.Pattern[str]]]:
    """For each language its name anywhere, and only where it is a language's."""
    ending = r"(?:e?s|e|n|a|o)?(?![A-Za-z])"  # a name begins a word; an ending may follow: português, русского
    return {
        language: (
            re.compile(rf"(?<![A-Za-z])(?:{names}){ending}"),
            re.compile(
                rf"{_BEFORE}(?:the |el |le |il |o |das |l')?(?:{names}){ending}{_GOES_ON}|"
                rf"(?<![A-Za-z])(?:{names}){_BEHIND}"
            ),
        )
        for language, names in NAMES.items()
    }
