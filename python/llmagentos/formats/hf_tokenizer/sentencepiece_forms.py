"""What classes of transformers make of a SentencePiece model: tokens before and after its pieces, and around texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llmagentos.formats.hf_tokenizer.settings import Settings


@dataclass(frozen=True, slots=True)
class SentencePieceForm:
    """One class.

    Attributes:
        roles: its special tokens, where a folder does not say.
        single, pair: what is around a text, and around two, as `put_around` takes it, with names of roles and of the
            setting src_lang in braces.
        before: the tokens that have the first ids,
        n_replaced: and the number of pieces that they stand for.
        after: the tokens that have the last ids.
        is_lowercase: the same of lower case; None where the class has no such setting.
        keeps_accents: the same of accents.
        begins_with_space: whether the text after a special token gets a space before it, too.
    """

    roles: Mapping[str, str]
    single: str = "$A"
    pair: str = "$A $B:1"
    before: Callable[[Settings], Sequence[str]] = lambda _: ()
    n_replaced: int = 0
    after: Callable[[Settings], Sequence[str]] = lambda _: ()
    is_lowercase: bool | None = None
    keeps_accents: bool = True
    begins_with_space: bool = True


def _pegasus_before(settings: Settings) -> list[str]:
    offset = settings.count("offset", 103)
    masks = ["<mask_1>", "<mask_2>"] if offset > 0 else []
    return ["<pad>", "</s>", *masks, *(f"<unk_{i}>" for i in range(2, offset))]


def _t5_after(settings: Settings) -> list[str]:
    return [f"<extra_id_{i}>" for i in reversed(range(settings.count("extra_ids", 100)))]


_FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
_FAIRSEQ_ROLES = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
_MBART_LANGUAGES = [
    "ar_AR",
    "cs_CZ",
    "de_DE",
    "en_XX",
    "es_XX",
    "et_EE",
    "fi_FI",
    "fr_XX",
    "gu_IN",
    "hi_IN",
    "it_IT",
    "ja_XX",
    "kk_KZ",
    "ko_KR",
    "lt_LT",
    "lv_LV",
    "my_MM",
    "ne_NP",
    "nl_XX",
    "ro_RO",
    "ru_RU",
    "si_LK",
    "tr_TR",
    "vi_VN",
    "zh_CN",
]
_MBART50_LANGUAGES = [
    "af_ZA",
    "az_AZ",
    "bn_IN",
    "fa_IR",
    "he_IL",
    "hr_HR",
    "id_ID",
    "ka_GE",
    "km_KH",
    "mk_MK",
    "ml_IN",
    "mn_MN",
    "mr_IN",
    "pl_PL",
    "ps_AF",
    "pt_XX",
    "sv_SE",
    "sw_KE",
    "ta_IN",
    "te_IN",
    "th_TH",
    "tl_XX",
    "uk_UA",
    "ur_PK",
    "xh_ZA",
    "gl_ES",
    "sl_SI",
]
_BERT_ROLES = {"sep_token": "[SEP]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
_AROUND_BERT = ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
_AROUND_ROBERTA = ("<s> $A </s>", "<s> $A </s> </s> $B </s>")
_AFTER_BOS = ("{bos_token} $A", "{bos_token} $A {bos_token}:1 $B:1")
_LLAMA = SentencePieceForm(
    {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, *_AFTER_BOS, begins_with_space=False
)

FORMS: Mapping[str, SentencePieceForm] = {
    "": _LLAMA,
    "Llama": _LLAMA,
    "CodeLlama": _LLAMA,
    "Gemma": SentencePieceForm(
        {
            "bos_token": "<bos>",
            "eos_token": "<eos>",
            "unk_token": "<unk>",
            "pad_token": "<pad>",
            "mask_token": "<mask>",
        },
        *_AFTER_BOS,
    ),
    "T5": SentencePieceForm(
        {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"},
        "$A </s>",
        "$A </s> $B </s>",
        after=_t5_after,
    ),
    "Pegasus": SentencePieceForm(
        {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask_2>"},
        "$A </s>",
        "$A $B </s>",
        before=_pegasus_before,
        n_replaced=2,
    ),
    "XLMRoberta": SentencePieceForm(
        _FAIRSEQ_ROLES, *_AROUND_ROBERTA, before=lambda _: _FAIRSEQ, n_replaced=3, after=lambda _: ("<mask>",)
    ),
    "Camembert": SentencePieceForm(
        _FAIRSEQ_ROLES,
        *_AROUND_ROBERTA,
        before=lambda _: ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED"),
        n_replaced=1,
        after=lambda _: ("<mask>",),
    ),
    "MBart": SentencePieceForm(
        _FAIRSEQ_ROLES,
        "$A </s> {src_lang}",
        "$A $B </s> {src_lang}",
        before=lambda _: _FAIRSEQ,
        n_replaced=3,
        after=lambda _: (*_MBART_LANGUAGES, "<mask>"),
    ),
    "MBart50": SentencePieceForm(
        {role: token for role, token in _FAIRSEQ_ROLES.items() if role != "bos_token"},
        "{src_lang} $A </s>",
        "{src_lang} $A $B </s>",
        before=lambda _: _FAIRSEQ,
        n_replaced=3,
        after=lambda _: (*_MBART_LANGUAGES, *_MBART50_LANGUAGES, "<mask>"),
    ),
    "Albert": SentencePieceForm(
        {**_BERT_ROLES, "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "<unk>", "pad_token": "<pad>"},
        *_AROUND_BERT,
        is_lowercase=True,
        keeps_accents=False,
    ),
    "DebertaV2": SentencePieceForm(
        {**_BERT_ROLES, "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]"},
        *_AROUND_BERT,
        is_lowercase=False,
    ),
}
