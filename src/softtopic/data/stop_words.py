"""Stop words of 58 languages, from the packages `stop-words` and `stopwordsiso`; of Burmese from its segmenter."""

import logging
import warnings
from collections.abc import Sequence
from functools import cache

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from softtopic.data.language_names import ENGLISH, NONE, UNKNOWN, english_name, parse_languages
from softtopic.data.normalization import normalize_text
from softtopic.data.segmentation import SEGMENTERS
from softtopic.data.tokenizer import TOKEN_PATTERN, compile_token_pattern

log = logging.getLogger(__name__)

# Languages whose list in `stopwordsiso` holds words that name topics, such as "woman" or "soviet".
_WITHOUT_ISO = {"ru"}

# Function words of Burmese, as `burmesenlp` names their classes.
_BURMESE_CLASSES = (
    *("CONJUNCTIONS", "COUNTER_CLASSIFIERS", "FINAL_PARTICLES", "NOUN_SUFFIXES", "NUMERAL_WORDS"),
    *("POST_FINAL_CONTINUATIONS", "PPM_MARKERS", "VERB_AUXILIARIES", "VERB_SUFFIXES"),
)

# Words that both lists lack: inflected pronouns and auxiliaries, conjunctions and adverbs, and what an apostrophe
# leaves of words before a vowel (l'eau, qu'il, dell'acqua).
_MORE = {
    "ar": "أن إن أنه أنها أنهم إنه إنها بأن بأنه بأنها لأن لأنه لأنها فإن فإنه فإنها لكن لكنه لكنها إلا يتم تتم يجب "
    "يمكن يكون تكون كان كانت كانوا كنت كنا ليس ليست لقد قد تم يقوم تقوم تحت فوق بينما أثناء خلال عبر حول حوالي أيضا "
    "فقط جدا مثل أحد إحدى العديد معظم بعض جميع كما مما لديه لديها لديهم هناك هنا هذا هذه ذلك تلك هؤلاء الذي التي "
    "الذين عند عندما بعد قبل منذ حتى حيث بسبب بدون دون ضد نحو غير سوى ثم إذا لو به بها بهم له لها لهم منه منها منهم "
    "فيه فيها عليه عليها عليهم إليه إليها عنه عنها بالتالي ذات نفس الرغم للغاية آخر أخرى آخرون آخرين الأخرى الآخرين "
    "معه معها معهم معك معنا يعد تعد يعتبر تعتبر أصبح أصبحت يصبح تصبح عدة بالقرب يعني لاحقا أولا غالبا المزيد لذلك",
    "de": "fast beinahe nahezu ziemlich äußerst überaus besonders insbesondere hauptsächlich größtenteils ungefähr "
    "circa rund etwa lediglich bloß mindestens höchstens wenigstens zumindest ebenfalls gleichfalls ebenso genauso "
    "sowohl sowie bevor nachdem sobald solange während sodass obwohl obgleich falls sofern indem hingegen dagegen "
    "jedoch dennoch trotzdem deshalb daher somit folglich außerdem zudem ferner darüber hinaus meist meiste meisten "
    "meistens mehrere mehreren mehrerer einige einigen einiger sämtliche sämtlichen jegliche jeglichen verschiedene "
    "verschiedenen verschiedener bestimmte bestimmten bestimmter möglicherweise vielleicht wahrscheinlich vermutlich "
    "anscheinend offenbar tatsächlich eigentlich normalerweise üblicherweise gewöhnlich häufig oftmals manchmal stets "
    "bereits schließlich zunächst anschließend heutzutage derzeit zurzeit mittlerweile inzwischen seitdem bisher "
    "sogar pro einschließlich ausschließlich weiterhin jeweils jeweilige jeweiligen sogenannte sogenannten derartige "
    "derartigen zufolge aufgrund anhand mittels gemäß laut statt anstatt anstelle innerhalb außerhalb entlang "
    "bezüglich",
    "ru": "будет будете будут будьте был была были было быть ваш ваша ваше вашего вашей вашему ваши ваших вдоль весь "
    "вместе внутри возможно всего всей всем всеми всему всех всю вся всё должен должна должно должны другая "
    "другие другим другими других другого другое другой другому другую имеет имеется имел имела имели имеют "
    "каждая каждого каждое каждой каждые каждый какая какие каким какими каких какое какой которая которого "
    "которое которой котором которому которую которые который которым которыми которых либо лишь менее многие "
    "многим многими многих мог могла могли могло могут можем может можете можешь наиболее например нашей наши "
    "наших него ней некоторая некоторого некоторое некоторой некоторые некоторый некоторым некоторых нему нею "
    "никакая никакие никакой ним ними них оба обе обоих обычно один одна однако одни одним одними одних одно "
    "одного одной одном одному одну около помимо поскольку поэтому примерно против сам сама сами самим самих "
    "само самого самой самому свое своего своей своем своему свои своим своими своих свой свою своя своё своём "
    "среди такая также такие таким такими таких такого такое такой таком такому такую хотя часто является "
    "являлась являлись являлось являлся являются самый самая самое самую следует следуют включая стал стала стало "
    "стали",
    # Verbs of compound particles in the form of the dictionary: に関して, について, によって, にとって.
    "ja": "関する 対する 際する 応ずる 応じる 基づく つく よる とる おける おく わたる めぐる 通ずる 通じる",
    # Modal, copular and light verbs; adverbs of degree, frequency, time, scope, manner and mood; what "now" and "then"
    # are.
    "zh": "可能 能够 能 可以 应该 应当 需要 必须 必需 愿意 想要 不能 不会 不要 不用 没有 没 是否 这是 就是 不是 "
    "也是 还有 只有 具有 拥有 存在 成为 变成 变为 称为 称作 叫做 作为 属于 在于 等于 进行 加以 予以 给予 作出 "
    "做出 开始 继续 使得 令人 让人 非常 十分 特别 尤其 极其 极为 相当 比较 较为 更加 更为 越来越 稍微 几乎 "
    "大约 大概 左右 至少 至多 最多 不仅 甚至 仅仅 只是 只能 通常 经常 常常 往往 总是 一直 一向 始终 永远 有时 "
    "偶尔 再次 再度 不断 逐渐 逐步 已经 曾经 曾 正在 刚刚 刚 马上 立刻 立即 随即 终于 最终 最后 最初 仍然 "
    "依然 仍旧 仍 从未 并未 并非 不再 一定 也许 或许 似乎 好像 显然 当然 其实 实际上 完全 同时 共同 一起 现在 "
    "目前 如今 当时 后来 以前 以后 今天 不同 相同 各种 大多数 大部分 很多 许多 众多 "
    "互相 相互 各自 分别 共同 一同 一齐 一并 亲自 独自 逐一 依次 陆续 相继 先后 纷纷 渐渐 慢慢 随时 随处 到处 处处 "
    "即将 将要 快要 就要 早已 早就 至今 迄今 近来 近年来 此前 此后 刚才 起初 起先 忽然 突然 顿时 顷刻 暂时 一时 一度 "
    "屡次 多次 一再 时常 时时 偶然 间或 从来 从不 向来 历来 过于 格外 异常 极度 极大 略微 略为 相对 绝对 充分 尽量 "
    "尽快 尽早 最为 愈加 愈发 基本 基本上 大体 大体上 大致 大抵 或多或少 多少 差不多 必定 必然 必将 势必 未必 不必 "
    "何必 难免 难道 究竟 到底 毕竟 居然 竟然 果然 恐怕 大概 想必 仿佛 简直 的确 确实 无疑 不得不 不由得 只好 反正 反而 "
    "偏偏 恰好 恰恰 幸好 幸亏 原来 本来 起来 出来 下来 上来 过来 进来 出去 下去 上去 过去 进去",
    "fr": "aujourd hui c d entr j jusqu l lorsqu m n presqu puisqu qu quelqu quoiqu s t déjà également ensuite autour "
    "aussitôt bientôt tantôt plutôt",
    "hi": "अगर",
    "it": "agl all anch bell c coll com cos d dagl dall degl dell dov ell gl l m mezz n negl nell nient po quand "
    "quell quest s sant sull t tutt un v",
    "ca": "d l m n s t",
    "ga": "b d m",
}


def stop_words(language: str | Sequence[str], *, token_pattern: str = TOKEN_PATTERN) -> list[str] | None:
    """Stop words of a language, or of several.

    Parameters
    ----------
    language : str or sequence of str
        Names or codes, see `parse_languages`; or "none". English takes scikit-learn's list: the larger ones of the
        packages hold words that name topics, such as "computer", "world" or "work".
    token_pattern : str, default=TOKEN_PATTERN
        Stop words that are no tokens of this pattern are left out: they could never match.

    Returns
    -------
    list of str or None
        Sorted, in lower case; None for "none". A language without a list has none of its own, and a warning says so.

    Raises
    ------
    InputError
        If a language is not known.

    """
    if language == NONE:
        return None
    codes = parse_languages(language)
    for code in codes:
        if code != UNKNOWN and not has_stop_words(code):
            log.warning(
                "there is no list of stop words for %s; leave out frequent words with a lower max_df (--max-df 20%%), "
                "or give words", english_name(code),
            )  # fmt: skip
    is_token = compile_token_pattern(token_pattern).fullmatch
    return sorted({word for code in codes for word in _listed(code) if is_token(word)})


def _with_particles(words: set[str]) -> set[str]:
    """Arabic words alone and after "and" and "so", which are written as one word with them."""
    return words | {particle + word for particle in "وف" for word in words if len(word) > 1}


def has_stop_words(code: str) -> bool:
    """Whether there is a list for a language, by its code."""
    return bool(_listed(code))


@cache
def _listed(code: str) -> frozenset[str]:
    """All stop words of a language, in lower case."""
    if code == ENGLISH:
        return frozenset(ENGLISH_STOP_WORDS)
    with warnings.catch_warnings():
        # The package warns about its own deprecated aliases at import.
        warnings.simplefilter("ignore")
        from stop_words import LANGUAGE_MAPPING, get_stop_words
    import stopwordsiso

    mapped = {"no": "nb"}.get(code, code)
    words = set(get_stop_words(mapped)) if mapped in LANGUAGE_MAPPING else set()
    if code not in _WITHOUT_ISO and stopwordsiso.has_lang(code):
        words |= set(stopwordsiso.stopwords(code))
    words |= set(_MORE.get(code, "").split())
    if code == "ar":
        words = _with_particles(words)
    if code == "my" and SEGMENTERS["my"].is_installed:
        # Particles, auxiliaries, numerals and classifiers, words of their own in that dictionary.
        from burmesenlp import grammar  # pyright: ignore[reportMissingImports]

        words |= {word for name in _BURMESE_CLASSES for word in getattr(grammar, name)}
    if code == "th" and SEGMENTERS["th"].is_installed:
        # The list is that of the dictionary by which Thai is segmented.
        from pythainlp.corpus import thai_stopwords  # pyright: ignore[reportMissingImports]

        words |= thai_stopwords()
    return frozenset(normalize_text(word).lower() for word in words)
