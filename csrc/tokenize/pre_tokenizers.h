// How text is cut into words before byte-level BPE, by the file's `tokenizer.ggml.pre`.
#pragma once

#include <string_view>
#include <vector>

#include "tokenize/pattern.h"

namespace llmagentos {

struct PreTokenizer {
  std::vector<Pattern> patterns;  // applied one after the other: each cuts the pieces of the one before
  bool ignore_merges;             // a word that is a token is that token, whatever the merges say
  bool add_bos;                   // where the file does not say
};

// Expressions: llama.cpp, src/llama-vocab.cpp, which has them from the models' tokenizer.json. Where that replaces
// \p{Lu}, \p{Ll} ... by ASCII ranges (tekken, gpt-4o), the expression of tokenizer.json is used.
// Throws UnsupportedModelError for a name this build does not know; an empty one means "default".
PreTokenizer find_pre_tokenizer(std::string_view name);

}  // namespace llmagentos
