// What a model file says about its tokenizer, as views into the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llmagentos {

// Values of GGUF's tokenizer.ggml.token_type.
enum class TokenType : std::int32_t {
  undefined = 0,
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

// A token the file gives a part to: "eos", "fim_pad" ... as in tokenizer.ggml.<role>_token_id.
struct TokenRole {
  std::string_view role;
  std::int64_t id;     // as the file has it: not checked
  const void* origin;  // where in the file, for error messages
};

struct Vocabulary {
  std::string path;            // of the file, for error messages
  const char* base = nullptr;  // its first byte; error messages count offsets from here, or say 0 without it

  std::string_view model;  // "gpt2": byte-level BPE; "llama": SPM
  std::string_view pre;    // how text is split before BPE

  std::vector<std::string_view> tokens;  // by id
  std::vector<float> scores;             // SPM: one per token, higher merges first
  std::vector<std::int32_t> types;       // TokenType per token, or empty: all normal
  std::vector<std::string_view> merges;  // BPE: "left right", earlier merges first

  std::vector<TokenRole> roles;
  std::optional<bool> add_bos, add_eos, add_space_prefix;

  std::uint64_t offset_of(const void* at) const {
    return base && at ? static_cast<std::uint64_t>(static_cast<const char*>(at) - base) : 0;
  }
};

}  // namespace llmagentos
