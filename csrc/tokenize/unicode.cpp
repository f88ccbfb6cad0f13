#include "tokenize/unicode.h"

#include <array>
#include <vector>

namespace llmagentos::unicode {
namespace {

constexpr std::uint32_t kCodePoints = 0x110000;
constexpr std::uint32_t kPageSize = 256;

// Two levels: pages of 256 code points, those with one value throughout stored once per value.
class Table {
 public:
  Table() {
    const std::span<const CategoryRange> ranges = category_ranges();
    std::size_t range = 0;
    for (std::uint32_t page = 0; page < kCodePoints / kPageSize; ++page) {
      std::array<Categories, kPageSize> values;
      bool uniform = true;
      for (std::uint32_t i = 0; i < kPageSize; ++i) {
        while (range + 1 < ranges.size() && ranges[range + 1].first <= page * kPageSize + i) ++range;
        values[i] = ranges[range].categories;
        uniform = uniform && values[i] == values[0];
      }
      page_of_[page] = static_cast<std::uint16_t>(uniform ? uniform_page(values) : add(values));
    }
  }

  Categories at(std::uint32_t code_point) const {
    return pages_[page_of_[code_point / kPageSize]][code_point % kPageSize];
  }

 private:
  std::size_t add(const std::array<Categories, kPageSize>& values) {
    pages_.push_back(values);
    return pages_.size() - 1;
  }

  std::size_t uniform_page(const std::array<Categories, kPageSize>& values) {
    for (const std::size_t page : uniform_pages_) {
      if (pages_[page][0] == values[0]) return page;
    }
    uniform_pages_.push_back(add(values));
    return uniform_pages_.back();
  }

  std::array<std::uint16_t, kCodePoints / kPageSize> page_of_;
  std::vector<std::array<Categories, kPageSize>> pages_;
  std::vector<std::size_t> uniform_pages_;
};

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

Categories categories(std::uint32_t code_point) {
  static const Table table;
  return code_point < kCodePoints ? table.at(code_point) : kCn;
}

// Bytes that a sequence with this first byte claims to have, 1 for a continuation byte.
static std::uint32_t sequence_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

Decoded decode_utf8(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const std::uint32_t length = sequence_length(text[at]);
  if (length == 1 || lead >= 0xF8 || at + length > text.size()) return {kReplacement, 1};
  std::uint32_t code_point = lead & (0xFFu >> (length + 1));
  for (std::uint32_t i = 1; i < length; ++i) {
    if (!is_continuation(text[at + i])) return {kReplacement, 1};
    code_point = (code_point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  }
  if (code_point >= kCodePoints) return {kReplacement, 1};
  return {code_point, length};
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto put_tail = [&put, code_point](int shift) { put(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put_tail(0);
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put_tail(6);
    put_tail(0);
  } else {
    put(0xF0 | (code_point >> 18));
    put_tail(12);
    put_tail(6);
    put_tail(0);
  }
}

}  // namespace llmagentos::unicode
