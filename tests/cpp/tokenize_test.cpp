#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "check.h"
#include "tokenize/byte_alphabet.h"
#include "tokenize/tokenizer.h"

using namespace llmagentos;

namespace {

// Texts that vocabularies view; they outlive every tokenizer of this program.
struct Texts {
  std::vector<std::string> tokens, merges;
};

Texts& keep(Texts texts) {
  static std::vector<std::unique_ptr<Texts>> kept;
  return *kept.emplace_back(std::make_unique<Texts>(std::move(texts)));
}

Vocabulary view(const Texts& texts, std::string_view model) {
  Vocabulary vocabulary;
  vocabulary.path = "test";
  vocabulary.model = model;
  vocabulary.tokens.assign(texts.tokens.begin(), texts.tokens.end());
  vocabulary.merges.assign(texts.merges.begin(), texts.merges.end());
  return vocabulary;
}

// The 256 bytes, then what the merges make.
Vocabulary bpe(const std::vector<std::string>& merges, std::string_view pre) {
  Texts texts;
  for (const std::uint16_t character : kByteAlphabet) unicode::append_utf8(texts.tokens.emplace_back(), character);
  for (const std::string& merge : merges) {
    std::string whole = merge;
    whole.erase(whole.find(' ', 1), 1);
    texts.tokens.push_back(whole);
  }
  texts.merges = merges;
  Vocabulary vocabulary = view(keep(std::move(texts)), "gpt2");
  vocabulary.pre = pre;
  vocabulary.add_bos = false;
  return vocabulary;
}

Vocabulary spm() {
  Vocabulary vocabulary =
      view(keep({{"<unk>", "<s>", "</s>", "\xE2\x96\x81", "a", "b", "ab", "<0xC3>", "<0xA9>"}, {}}), "llama");
  vocabulary.types = {2, 3, 3, 1, 1, 1, 1, 6, 6};
  vocabulary.scores = {0, 0, 0, -1, -3, -4, -2, 0, 0};
  return vocabulary;
}

std::vector<std::string> pieces(std::string_view pattern, std::string_view text) {
  std::vector<std::uint32_t> code_points;
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded decoded = unicode::decode_utf8(text, at);
    code_points.push_back(decoded.code_point);
    at += decoded.n_bytes;
  }
  std::vector<std::size_t> ends;
  Pattern(pattern).split(code_points, 0, code_points.size(), ends);
  std::vector<std::string> found;
  std::size_t at = 0;
  for (const std::size_t end : ends) {
    std::string& piece = found.emplace_back();
    for (; at < end; ++at) unicode::append_utf8(piece, code_points[at]);
  }
  return found;
}

// A small generator of bytes that lean towards what splitting looks at.
std::string noise(std::uint32_t& state, std::size_t n) {
  constexpr std::string_view kLikely = " \n\r\t'sStTaAbBzZ019.,!_<>|\xC3\xA9\xE2\x96\x81\xF0\x9F\x91\x8D\xCC\x81";
  std::string text;
  for (std::size_t i = 0; i < n; ++i) {
    state = state * 1664525u + 1013904223u;
    const std::uint32_t draw = state >> 8;
    text.push_back(draw % 4 == 0 ? static_cast<char>(draw >> 2) : kLikely[(draw >> 2) % kLikely.size()]);
  }
  return text;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST(utf8_takes_every_byte_once) {
  CHECK(unicode::decode_utf8("\xF0\x9F\x91\x8D", 0).code_point == 0x1F44D);
  for (const std::string_view bad :
       {"\x80", "\xC3", "\xC3g", "\xE2\x96", "\xF8\x80\x80\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    const unicode::Decoded decoded = unicode::decode_utf8(bad, 0);
    CHECK(decoded.code_point == unicode::kReplacement && decoded.n_bytes == 1);
  }
}

TEST(categories_are_those_of_unicode) {
  CHECK(unicode::categories('A') == unicode::kLu);
  CHECK(unicode::categories(0x1C5) == unicode::kLt);
  CHECK(unicode::categories(0x301) == unicode::kM);
  CHECK(unicode::categories(0xBD) == unicode::kN);
  CHECK(unicode::categories('~') == unicode::kS);
  CHECK(unicode::categories(0x3000) == (unicode::kZ | unicode::kWhiteSpace));
  CHECK(unicode::categories(0x1C) == unicode::kC);
  CHECK(unicode::categories(0x10FFFF) == unicode::kCn);
  CHECK(unicode::categories(0xFFFFFFFF) == unicode::kCn);
}

TEST(patterns_match_like_regular_expressions) {
  CHECK((pieces(R"(\p{L}+|\p{N}{1,3})", "ab1234 c") == Strings{"ab", "123", "4", " ", "c"}));
  CHECK((pieces(R"(\s+(?!\S)|\s+)", "a   b  ") == Strings{"a", "  ", " ", "b", "  "}));
  CHECK((pieces(R"(\s*[\r\n]+|\s+)", "  \n \n  x") == Strings{"  \n \n", "  ", "x"}));
  CHECK((pieces(R"(a(?:'[sS]|'t)?b)", "a'sbaba'xb") == Strings{"a'sb", "ab", "a'xb"}));
  CHECK((pieces(R"([^ab\]\-]+)", "xya]-z") == Strings{"xy", "a]-", "z"}));
  CHECK((pieces(R"(\s+$)", "a  b  ") == Strings{"a  b", "  "}));
  CHECK((pieces(R"([\x{4E00}-\x{9FA5}]+)", "a\xE4\xBD\xA0\xE5\xA5\xBD") == Strings{"a", "\xE4\xBD\xA0\xE5\xA5\xBD"}));
}

TEST(faulty_patterns_are_refused) {
  for (const char* bad : {"", "a|", "(?:a", "a)", R"(\p{Q})", "a{", "a{2", R"(\x{4)", "[a"}) {
    CHECK_THROWS(InvalidArgument, Pattern(bad));
  }
}

TEST(spm_merges_by_score_and_spells_bytes) {
  const Tokenizer tokenizer(spm(), nullptr);
  CHECK((tokenizer.encode("ab a", true, true) == std::vector<std::int32_t>{1, 3, 6, 3, 4}));
  CHECK((tokenizer.encode("\xC3\xA9z", false, true) == std::vector<std::int32_t>{3, 7, 8, 0}));
  const std::vector<std::int64_t> ids{1, 3, 6, 3, 7, 8};
  CHECK(tokenizer.decode(ids, false) == "<s>ab \xC3\xA9");
  CHECK(tokenizer.decode(ids, true) == "ab \xC3\xA9");
}

TEST(every_splitting_gives_back_every_byte) {
  const std::vector<std::string> merges = {"t h", "a a", "aa a", "\xC4\xA0 a", "\xC4\xA0 \xC4\xA0"};
  std::uint32_t state = 1;
  for (const char* pre :
       {"default", "gpt-2", "smollm", "falcon", "llama-bpe", "qwen2", "qwen35", "seed-coder", "bailingmoe", "minicpm5",
        "tekken", "gpt-4o", "deepseek-v3", "deepseek-llm", "deepseek-coder", "bloom", "viking"}) {
    const Tokenizer tokenizer(bpe(merges, pre), nullptr);
    for (std::size_t n = 0; n < 60; ++n) {
      const std::string text = noise(state, n);
      const std::vector<std::int32_t> ids = tokenizer.encode(text, true, true);
      CHECK(tokenizer.decode(std::vector<std::int64_t>(ids.begin(), ids.end()), false) == text);
    }
  }
}

TEST(spm_takes_any_bytes) {
  const Tokenizer tokenizer(spm(), nullptr);
  std::uint32_t state = 2;
  for (std::size_t n = 0; n < 200; ++n) {
    for (const std::int32_t id : tokenizer.encode(noise(state, n), true, n % 2 == 0)) {
      CHECK(id >= 0 && id < static_cast<std::int32_t>(tokenizer.n_vocab()));
    }
  }
}

TEST(broken_vocabularies_are_errors) {
  const auto changed = [](auto change) {
    Vocabulary vocabulary = bpe({"a b", "b c"}, "gpt-2");
    change(vocabulary);
    return vocabulary;
  };
  const auto refused = [&](auto change) { CHECK_THROWS(ModelFormatError, Tokenizer(changed(change), nullptr)); };
  refused([](Vocabulary& v) { v.tokens.clear(); });
  refused([](Vocabulary& v) { v.tokens[5] = v.tokens[6]; });
  refused([](Vocabulary& v) { v.merges.clear(); });
  refused([](Vocabulary& v) { v.merges[1] = ""; });
  refused([](Vocabulary& v) { v.merges[1] = " "; });
  refused([](Vocabulary& v) { v.merges[1] = "a c"; });
  refused([](Vocabulary& v) { v.types = {1, 1}; });
  refused([](Vocabulary& v) { v.types.assign(v.tokens.size(), 6); });
  refused([](Vocabulary& v) { v.scores = {1.0f}; });
  refused([](Vocabulary& v) { v.roles = {{"eos", 1 << 30, nullptr}}; });
  refused([](Vocabulary& v) { v.add_bos = true; });
  CHECK_THROWS(UnsupportedModelError, Tokenizer(changed([](Vocabulary& v) { v.pre = "nonesuch"; }), nullptr));
  CHECK_THROWS(UnsupportedModelError, Tokenizer(changed([](Vocabulary& v) { v.model = "bert"; }), nullptr));
  Vocabulary scored = spm();
  scored.scores[4] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS(ModelFormatError, Tokenizer(scored, nullptr));
}

TEST(ids_outside_the_vocabulary_are_refused) {
  const Tokenizer tokenizer(spm(), nullptr);
  CHECK_THROWS(InvalidArgument, tokenizer.token_bytes(-1));
  CHECK_THROWS(InvalidArgument, tokenizer.token_text(9));
  CHECK_THROWS(InvalidArgument, tokenizer.decode(std::vector<std::int64_t>{0, 9}, true));
}

TEST_MAIN
