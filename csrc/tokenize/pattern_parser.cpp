// The reader of Pattern's expressions.
#include <string>

#include "base/error.h"
#include "tokenize/pattern.h"

namespace llmagentos {

class PatternParser {
 public:
  explicit PatternParser(std::string_view expression) : rest_(expression), all_(expression) {}

  std::vector<Pattern::Sequence> parse() {
    std::vector<Pattern::Sequence> alternatives = parse_alternatives();
    if (!rest_.empty()) fail("an unmatched )");
    return alternatives;
  }

 private:
  using Item = Pattern::Item;
  static constexpr std::uint32_t kUnbounded = ~std::uint32_t{0};

  [[noreturn]] void fail(const std::string& what) const {
    throw InvalidArgument("the expression '" + std::string(all_) + "' has " + what + " at byte " +
                          std::to_string(all_.size() - rest_.size()));
  }

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  std::uint32_t take_code_point() {
    if (rest_.empty()) fail("a missing character");
    const unicode::Decoded decoded = unicode::decode_utf8(rest_, 0);
    rest_.remove_prefix(decoded.n_bytes);
    return decoded.code_point;
  }

  std::uint32_t take_number(int base) {
    std::uint32_t number = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size(); ++digits) {
      const char c = rest_[digits];
      const int digit = c >= '0' && c <= '9' ? c - '0' : base == 16 && c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) break;
      number = number * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
    }
    if (digits == 0) fail("a missing number");
    rest_.remove_prefix(digits);
    return number;
  }

  std::vector<Pattern::Sequence> parse_alternatives() {
    std::vector<Pattern::Sequence> alternatives;
    do {
      alternatives.push_back(parse_sequence());
    } while (take("|"));
    return alternatives;
  }

  Pattern::Sequence parse_sequence() {
    Pattern::Sequence items;
    while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')') items.push_back(parse_item());
    if (items.empty()) fail("an empty alternative");
    return items;
  }

  Item parse_item() {
    Item item{};
    if (take("(?!\\S)")) {
      item.kind = Item::Kind::not_before_non_space;
    } else if (take("$")) {
      item.kind = Item::Kind::end;
    } else if (take("(?:")) {
      item.kind = Item::Kind::group;
      item.alternatives = parse_alternatives();
      if (!take(")")) fail("an unclosed group");
      item.min = take("?") ? 0 : 1;
    } else {
      item.kind = Item::Kind::set;
      if (take("[")) {
        parse_set(item.set);
      } else {
        parse_member(item.set);
      }
      item.set.finish();
      parse_quantifier(item);
    }
    return item;
  }

  void parse_set(CharacterSet& set) {
    if (take("^")) set.negate();
    while (!take("]")) parse_member(set);
  }

  // One character, one range of characters, or one escape that stands for many.
  void parse_member(CharacterSet& set) {
    if (take("\\s")) return set.add(unicode::kWhiteSpace);
    if (take("\\p{")) return parse_category(set);
    const std::uint32_t first = parse_character();
    const bool range = rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']';
    if (range) take("-");
    set.add(first, range ? parse_character() : first);
  }

  std::uint32_t parse_character() {
    if (!take("\\")) return take_code_point();
    if (take("r")) return '\r';
    if (take("n")) return '\n';
    if (!take("x{")) return take_code_point();
    const std::uint32_t code_point = take_number(16);
    if (!take("}")) fail("an unclosed \\x{");
    return code_point;
  }

  void parse_category(CharacterSet& set) {
    struct Name {
      std::string_view name;
      unicode::Categories categories;
    };
    constexpr Name kNames[] = {{"L}", unicode::kL},   {"M}", unicode::kM},   {"N}", unicode::kN},
                               {"P}", unicode::kP},   {"S}", unicode::kS},   {"Lu}", unicode::kLu},
                               {"Ll}", unicode::kLl}, {"Lt}", unicode::kLt}, {"Lm}", unicode::kLm},
                               {"Lo}", unicode::kLo}};
    for (const Name& entry : kNames) {
      if (take(entry.name)) return set.add(entry.categories);
    }
    fail("an unknown category");
  }

  void parse_quantifier(Item& item) {
    if (take("?")) {
      item.min = 0;
    } else if (take("*")) {
      item.min = 0;
      item.max = kUnbounded;
    } else if (take("+")) {
      item.max = kUnbounded;
    } else if (take("{")) {
      item.min = take_number(10);
      item.max = take(",") ? take_number(10) : item.min;
      if (!take("}")) fail("an unclosed {");
    }
  }

  std::string_view rest_;
  std::string_view all_;
};

Pattern::Pattern(std::string_view expression) : alternatives_(PatternParser(expression).parse()) {}

}  // namespace llmagentos
