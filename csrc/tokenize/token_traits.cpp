#include "tokenize/token_traits.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/error.h"

namespace llmagentos {
namespace {

// Roles that files leave unnamed, and the texts that tell them. Source: llama.cpp, src/llama-vocab.cpp.
struct KnownRole {
  std::string_view role;
  bool ends_generation;
  std::span<const std::string_view> texts;
};

constexpr std::string_view kEot[] = {
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>",         "<|endoftext|>",     "<|end_of_text|>",
    "<EOT>",      "_<EOT>",     "[EOT]",   "<｜end▁of▁sentence｜>", "<end_of_utterance>"};
constexpr std::string_view kEom[] = {"<|eom_id|>"};
constexpr std::string_view kFimPre[] = {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>",    "<｜fim▁begin｜>",
                                        "<PRE>",          "▁<PRE>",       "<|code_prefix|>", "<|prefix|>"};
constexpr std::string_view kFimSuf[] = {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>",    "<｜fim▁hole｜>",
                                        "<SUF>",          "▁<SUF>",       "<|code_suffix|>", "<|suffix|>"};
constexpr std::string_view kFimMid[] = {"<|fim_middle|>", "<fim-middle>", "<fim_middle>",    "<｜fim▁end｜>",
                                        "<MID>",          "▁<MID>",       "<|code_middle|>", "<|middle|>"};
constexpr std::string_view kFimPad[] = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"};
constexpr std::string_view kFimRep[] = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"};
constexpr std::string_view kFimSep[] = {"<|file_sep|>"};
constexpr KnownRole kKnownRoles[] = {
    {"eot", true, kEot},         {"eom", true, kEom},        {"fim_pre", false, kFimPre}, {"fim_suf", false, kFimSuf},
    {"fim_mid", false, kFimMid}, {"fim_pad", true, kFimPad}, {"fim_rep", true, kFimRep},  {"fim_sep", true, kFimSep}};

constexpr std::string_view kEndTexts[] = {"<|eot_id|>",
                                          "<|im_end|>",
                                          "<|end|>",
                                          "<|return|>",
                                          "<|call|>",
                                          "<|flush|>",
                                          "<|calls|>",
                                          "<end_of_turn>",
                                          "<|endoftext|>",
                                          "</s>",
                                          "<|eom_id|>",
                                          "<EOT>",
                                          "_<EOT>",
                                          "[EOT]",
                                          "[EOS]",
                                          "<|end_of_text|>",
                                          "<end_of_utterance>",
                                          "<eos>",
                                          "<turn|>",
                                          "<|tool_response>",
                                          "<｜end▁of▁sentence｜>",
                                          "[e~["};

// Parts of gpt-oss's answers that its chat format needs to see.
constexpr std::string_view kRendered[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

Trait trait_of(std::int32_t type) {
  switch (static_cast<TokenType>(type)) {
    case TokenType::unknown:
      return kUnknownTrait;
    case TokenType::control:
      return kControlTrait;
    case TokenType::user_defined:
      return kUserDefinedTrait;
    case TokenType::byte:
      return kByteTrait;
    default:
      return 0;
  }
}

bool is_byte_text(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); };
  return text.size() == 6 && text.starts_with("<0x") && is_hex(text[3]) && is_hex(text[4]) && text[5] == '>';
}

class TraitReader {
 public:
  TraitReader(const Vocabulary& vocabulary, const TokenTable& table) : vocabulary_(vocabulary), table_(table) {}

  TokenTraits read() {
    read_types();
    const bool spm = vocabulary_.model == "llama";
    traits_.bos = role("bos", spm ? 1 : kNoToken);
    traits_.eos = role("eos", spm ? 2 : kNoToken);
    traits_.unknown = role("unknown", spm ? 0 : kNoToken);
    traits_.pad = role("padding", kNoToken);
    std::vector<std::int32_t>& ends = traits_.end_ids;
    for (const KnownRole& known : kKnownRoles) {
      const std::int32_t token = known_role(known);
      if (known.ends_generation && token != kNoToken) ends.push_back(token);
    }
    for (const std::string_view text : kEndTexts) mark_end(text);
    for (const std::string_view text : kRendered) retype(text, kUserDefinedTrait);
    if (traits_.eos != kNoToken) ends.push_back(traits_.eos);
    drop_false_ends();
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return std::move(traits_);
  }

 private:
  void read_types() {
    const std::size_t n = vocabulary_.tokens.size();
    traits_.of.resize(n, 0);
    if (vocabulary_.types.empty()) return;
    if (vocabulary_.types.size() != n) {
      throw ModelFormatError("tokenizer.ggml.token_type has " + std::to_string(vocabulary_.types.size()) +
                                 " entries for " + std::to_string(n) + " tokens",
                             vocabulary_.path, 0);
    }
    for (std::size_t id = 0; id < n; ++id) {
      traits_.of[id] = trait_of(vocabulary_.types[id]);
      if (traits_.of[id] == kByteTrait && !is_byte_text(vocabulary_.tokens[id])) {
        throw ModelFormatError("byte token " + std::to_string(id) + " is not written as <0xXX>", vocabulary_.path,
                               vocabulary_.offset_of(vocabulary_.tokens[id].data()));
      }
    }
  }

  std::int32_t role(std::string_view name, std::int32_t fallback) const {
    const std::size_t n = vocabulary_.tokens.size();
    for (const TokenRole& role : vocabulary_.roles) {
      if (role.role != name) continue;
      if (role.id >= 0 && role.id < static_cast<std::int64_t>(n)) return static_cast<std::int32_t>(role.id);
      throw ModelFormatError("tokenizer.ggml." + std::string(name) + "_token_id is " + std::to_string(role.id) +
                                 " in a vocabulary of " + std::to_string(n) + " tokens",
                             vocabulary_.path, vocabulary_.offset_of(role.origin));
    }
    return fallback < static_cast<std::int64_t>(n) ? fallback : kNoToken;
  }

  std::int32_t known_role(const KnownRole& known) {
    std::int32_t token = role(known.role, kNoToken);
    for (std::size_t i = 0; token == kNoToken && i < known.texts.size(); ++i) {
      token = table_.find(known.texts[i]);
      if (token != kNoToken) traits_.of[token] |= kControlTrait;
    }
    return token;
  }

  void mark_end(std::string_view text) {
    const std::int32_t token = table_.find(text);
    if (token == kNoToken) return;
    traits_.end_ids.push_back(token);
    traits_.of[token] |= kControlTrait;
  }

  void retype(std::string_view text, Trait trait) {
    const std::int32_t token = table_.find(text);
    if (token != kNoToken) traits_.of[token] = trait;
  }

  bool ends(std::string_view text) const {
    const std::int32_t token = table_.find(text);
    return token != kNoToken && std::count(traits_.end_ids.begin(), traits_.end_ids.end(), token) != 0;
  }

  // <|end|> ends a part of an answer where <|return|> and <|call|> (or <|flush|> and <|calls|>) end the answer; </s> is
  // plain text where <|tool_response> is known.
  void drop_false_ends() {
    const bool calls = ends("<|call|>") || ends("<|calls|>");
    if (calls && (ends("<|return|>") || ends("<|flush|>"))) drop_end("<|end|>", kUserDefinedTrait);
    if (ends("<|tool_response>")) drop_end("</s>", 0);
  }

  void drop_end(std::string_view text, Trait trait) {
    if (!ends(text)) return;
    std::erase(traits_.end_ids, table_.find(text));
    retype(text, trait);
  }

  const Vocabulary& vocabulary_;
  const TokenTable& table_;
  TokenTraits traits_;
};

}  // namespace

TokenTraits read_token_traits(const Vocabulary& vocabulary, const TokenTable& table) {
  return TraitReader(vocabulary, table).read();
}

}  // namespace llmagentos
