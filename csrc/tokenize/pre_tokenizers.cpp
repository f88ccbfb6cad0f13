#include "tokenize/pre_tokenizers.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/error.h"

namespace llmagentos {
namespace {

#define CONTRACTION "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
#define WORD R"([^\r\n\p{L}\p{N}]?\p{L}+)"
#define UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define PUNCTUATION R"( ?[^\s\p{L}\p{N}]+)"
#define SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"

constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+|)" PUNCTUATION R"(|\s+(?!\S)|\s+)";
constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kThreeDigits = R"(\p{N}{1,3})";
constexpr std::string_view kHan = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
constexpr std::string_view kHanHangul = R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr std::string_view kNewline = R"([\r\n])";

constexpr std::string_view kLlama3 = CONTRACTION "|" WORD R"(|\p{N}{1,3}|)" PUNCTUATION R"([\r\n]*|)" SPACES;
constexpr std::string_view kQwen2 = CONTRACTION "|" WORD R"(|\p{N}|)" PUNCTUATION R"([\r\n]*|)" SPACES;
constexpr std::string_view kMinicpm5 = CONTRACTION "|" WORD R"(|\p{N}+|)" PUNCTUATION R"([\r\n]*|)" SPACES;
constexpr std::string_view kQwen35 =
    CONTRACTION R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" SPACES;
constexpr std::string_view kSeedCoder = CONTRACTION "|" WORD R"(|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|)" SPACES;
constexpr std::string_view kBailing =
    R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|)" WORD R"(|\p{N}|)" PUNCTUATION R"([\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken = R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER R"(+|[^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER
                                     R"(*|\p{N}|)" PUNCTUATION R"([\r\n/]*|)" SPACES;
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" CONTRACTION R"(?|[^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER "*" CONTRACTION
    R"(?|\p{N}{1,3}|)" PUNCTUATION R"([\r\n/]*|)" SPACES;
constexpr std::string_view kDeepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" SPACES;
constexpr std::string_view kBloom = R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+)";
constexpr std::string_view kFalconPunctuation = R"([\p{P}\$\+<=>\^~\|`]+)";
constexpr std::string_view kDefaultPunctuation = R"([\p{P}\$\+<=>\^~\|]+)";
constexpr std::string_view kAsciiThreeDigits = R"([0-9][0-9][0-9])";
// Cased letters, as its tokenizer.json lists them.
constexpr std::string_view kDeepseekLetters =
    R"(\s?[)"
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})"
    R"(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})"
    R"(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE})"
    R"(\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC})"
    R"(\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E})"
    R"(\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943})"
    R"(]+)";
constexpr std::string_view kDeepseekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";

constexpr std::string_view kDefaultSet[] = {kDefaultPunctuation, kGpt2, R"(\p{N}+)", kAsciiThreeDigits};
constexpr std::string_view kGpt2Set[] = {kGpt2};
constexpr std::string_view kStarcoderSet[] = {kDigit, kGpt2};
constexpr std::string_view kFalconSet[] = {kFalconPunctuation, kGpt2, kAsciiThreeDigits};
constexpr std::string_view kLlama3Set[] = {kLlama3};
constexpr std::string_view kQwen2Set[] = {kQwen2};
constexpr std::string_view kQwen35Set[] = {kQwen35};
constexpr std::string_view kSeedCoderSet[] = {kSeedCoder};
constexpr std::string_view kBailingSet[] = {kBailing};
constexpr std::string_view kMinicpm5Set[] = {kThreeDigits, kMinicpm5};
constexpr std::string_view kTekkenSet[] = {kTekken};
constexpr std::string_view kGpt4oSet[] = {kGpt4o};
constexpr std::string_view kDeepseek3Set[] = {kThreeDigits, kHan, kDeepseek3};
constexpr std::string_view kDeepseekLlmSet[] = {kNewline,  kDeepseekLetters, kDeepseekPunctuation,
                                                R"(\s+$)", kHanHangul,       R"(\p{N}+)"};
constexpr std::string_view kDeepseekCoderSet[] = {kNewline, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kHanHangul, kDigit};
constexpr std::string_view kBloomSet[] = {kBloom};
constexpr std::string_view kVikingSet[] = {kBloom, kDigit};

struct Row {
  std::string_view names;  // separated by spaces
  std::span<const std::string_view> expressions;
  bool ignore_merges = false;
  bool add_bos = false;
};

constexpr Row kRows[] = {
    {"default", kDefaultSet},
    {"gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert mpt olmo jais trillion "
     "granite-docling exaone4",
     kGpt2Set},
    {"smollm starcoder refact command-r codeshell exaone minerva-7b mellum2", kStarcoderSet},
    {"falcon", kFalconSet},
    {"llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2", kLlama3Set, true, true},
    {"dbrx smaug-bpe glm4 chatglm-bpe", kLlama3Set},
    {"qwen2 deepseek-r1-qwen kormo megrez stablelm2 hunyuan solar-open grok-2", kQwen2Set},
    {"qwen35", kQwen35Set},
    {"seed-coder", kSeedCoderSet},
    {"bailingmoe bailingmoe2 llada-moe", kBailingSet},
    {"minicpm5", kMinicpm5Set, true},
    {"tekken", kTekkenSet, true, true},
    {"gpt-4o llama4 kanana2 minimax-m2", kGpt4oSet},
    {"deepseek-v3 hunyuan-dense joyai-llm", kDeepseek3Set},
    {"deepseek-llm", kDeepseekLlmSet},
    {"deepseek-coder", kDeepseekCoderSet},
    {"bloom gpt3-finnish poro-chat", kBloomSet},
    {"viking", kVikingSet},
};

bool has_name(std::string_view names, std::string_view wanted) {
  while (!names.empty()) {
    const std::size_t space = std::min(names.find(' '), names.size());
    if (names.substr(0, space) == wanted) return true;
    names.remove_prefix(std::min(space + 1, names.size()));
  }
  return false;
}

}  // namespace

PreTokenizer find_pre_tokenizer(std::string_view name) {
  if (name.empty()) name = "default";
  for (const Row& row : kRows) {
    if (!has_name(row.names, name)) continue;
    PreTokenizer found{{}, row.ignore_merges, row.add_bos};
    for (const std::string_view expression : row.expressions) found.patterns.emplace_back(expression);
    return found;
  }
  throw UnsupportedModelError("the file splits text by '" + std::string(name) +
                              "' (tokenizer.ggml.pre), which this build does not have");
}

}  // namespace llmagentos
