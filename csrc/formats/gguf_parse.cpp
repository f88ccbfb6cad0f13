#include "formats/gguf_parse.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "formats/byte_reader.h"
#include "formats/utf8.h"

namespace llmagentos {
namespace {

// The fewest bytes an entry can take. The counts in the header are checked against them before anything is allocated:
// a GgufKeyValue takes 40 bytes of memory for at least 14 in the file, a GgufTensor 88 for at least 33.
constexpr std::uint64_t kMinMetadataBytes = 8 + 1 + 4 + 1;        // key length, key, type, value
constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;  // name length, name, n_dims, dim, type, offset
constexpr std::uint32_t kMaxDims = 4;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMinAlignment = 8;

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& path)
      : bytes_(bytes), path_(path), reader_(bytes, path) {}

  GgufContents parse() {
    read_header();
    contents_.metadata.reserve(n_metadata_);
    for (std::uint64_t i = 0; i < n_metadata_; ++i) read_metadata();
    contents_.metadata_order = order_by_name(contents_.metadata, [](const GgufKeyValue& e) { return e.key; }, "key");
    find_alignment();
    contents_.tensors.reserve(n_tensors_);
    for (std::uint64_t i = 0; i < n_tensors_; ++i) read_tensor();
    contents_.tensor_order =
        order_by_name(contents_.tensors, [](const GgufTensor& t) { return t.name; }, "tensor name");
    place_tensors();
    check_overlaps();
    return std::move(contents_);
  }

 private:
  [[noreturn]] void unsupported(const std::string& message, std::uint64_t at) const {
    throw UnsupportedModelError(path_ + ": at byte " + std::to_string(at) + ": " + message);
  }

  void read_header() {
    const std::string_view magic(reinterpret_cast<const char*>(reader_.skip(4, "the magic")), 4);
    if (magic != "GGUF") reader_.fail("wrong magic " + quoted(magic) + ": not a GGUF file", 0);
    const auto version = reader_.read<std::uint32_t>("the version");
    if (version == 1) unsupported("GGUF version 1: only versions 2 and 3 are read; convert the file again", 4);
    if (version == 0x02000000u || version == 0x03000000u)
      unsupported("a big-endian GGUF file: only little-endian ones are read", 4);
    if (version != 2 && version != 3)
      reader_.fail("unknown GGUF version " + std::to_string(version) + ": versions 2 and 3 are read", 4);
    contents_.version = version;

    n_tensors_ = reader_.read<std::uint64_t>("the tensor count");
    n_metadata_ = reader_.read<std::uint64_t>("the metadata count");
    check_count("metadata", n_metadata_, reader_.left() / kMinMetadataBytes, 16);
    check_count("tensor", n_tensors_, (reader_.left() - n_metadata_ * kMinMetadataBytes) / kMinTensorBytes, 8);
  }

  // The orders hold positions of 32 bits.
  void check_count(const char* what, std::uint64_t count, std::uint64_t fitting, std::uint64_t at) const {
    const std::uint64_t most = std::min<std::uint64_t>(fitting, std::numeric_limits<std::uint32_t>::max());
    if (count > most)
      reader_.fail(std::string("a ") + what + " count of " + std::to_string(count) + " in a file with room for " +
                       std::to_string(most) + " at most",
                   at);
  }

  std::string_view read_name(const char* what) {
    const std::uint64_t at = reader_.position();
    const std::string_view name = reader_.read_string(what);
    if (name.empty()) reader_.fail(std::string(what) + " is empty", at);
    if (!is_valid_utf8(name)) reader_.fail(std::string(what) + " " + quoted(name) + " is not UTF-8", at + 8);
    return name;
  }

  GgufType read_type(std::string_view key, const char* what) {
    const std::uint64_t at = reader_.position();
    const auto id = reader_.read<std::uint32_t>(what);
    if (id > static_cast<std::uint32_t>(GgufType::f64))
      reader_.fail("key " + quoted(key) + " has " + what + " " + std::to_string(id) + ", which GGUF does not define",
                   at);
    return static_cast<GgufType>(id);
  }

  void read_metadata() {
    const std::string_view key = read_name("a metadata key");
    const GgufType type = read_type(key, "value type");
    GgufValue value{type, type, 1, nullptr};
    if (type == GgufType::array) {
      read_array(key, value);
    } else if (type == GgufType::string) {
      const std::string_view text = reader_.read_string("a string value");
      value.count = text.size();
      value.data = reinterpret_cast<const std::byte*>(text.data());
    } else {
      value.data = reader_.skip(gguf_type_bytes(type), "a value");
      if (type == GgufType::boolean) check_booleans(key, value);
    }
    contents_.metadata.push_back({key, value});
  }

  void read_array(std::string_view key, GgufValue& value) {
    const std::uint64_t at = reader_.position();
    value.element_type = read_type(key, "element type");
    if (value.element_type == GgufType::array)
      unsupported("key " + quoted(key) + " holds arrays inside an array, which this reader does not have", at);
    value.count = reader_.read<std::uint64_t>("an array length");
    const bool strings = value.element_type == GgufType::string;
    const std::uint64_t element_bytes = strings ? sizeof(std::uint64_t) : gguf_type_bytes(value.element_type);
    if (value.count > reader_.left() / element_bytes)
      reader_.fail("truncated: the array of key " + quoted(key) + " has " + std::to_string(value.count) +
                       " elements of at least " + std::to_string(element_bytes) + " bytes and the file has " +
                       std::to_string(reader_.left()) + " bytes left",
                   at + 4);
    if (strings) {
      value.data = reader_.skip(0, "an array");
      for (std::uint64_t i = 0; i < value.count; ++i) reader_.read_string("a string of an array");
    } else {
      value.data = reader_.skip(value.count * element_bytes, "an array");
      if (value.element_type == GgufType::boolean) check_booleans(key, value);
    }
  }

  void check_booleans(std::string_view key, const GgufValue& value) const {
    for (std::uint64_t i = 0; i < value.count; ++i) {
      const auto byte = std::to_integer<unsigned>(value.data[i]);
      if (byte > 1)
        reader_.fail("key " + quoted(key) + " holds the bool " + std::to_string(byte) + "; only 0 and 1 are bools",
                     offset_of(value.data + i));
    }
  }

  void find_alignment() {
    for (const GgufKeyValue& entry : contents_.metadata) {
      if (entry.key != "general.alignment") continue;
      const std::uint64_t at = offset_of(entry.value.data);
      if (entry.value.type != GgufType::u32)
        reader_.fail("general.alignment is of type " + std::string(gguf_type_name(entry.value.type)) + ", not u32", at);
      alignment_ = load<std::uint32_t>(entry.value.data);
      if (!std::has_single_bit(alignment_) || alignment_ < kMinAlignment)
        reader_.fail("general.alignment is " + std::to_string(alignment_) + ", not a power of two of at least 8", at);
    }
  }

  void read_tensor() {
    GgufTensor tensor{};
    tensor.name = read_name("a tensor name");
    const std::uint64_t dims_at = reader_.position();
    const auto n_dims = reader_.read<std::uint32_t>("a tensor's number of dimensions");
    if (n_dims < 1 || n_dims > kMaxDims)
      fail_tensor(tensor, "has " + std::to_string(n_dims) + " dimensions, not 1 to 4", dims_at);
    std::uint64_t n_elements = 1;
    tensor.shape.resize(n_dims);
    for (std::uint32_t i = 0; i < n_dims; ++i) {
      const auto dim = reader_.read<std::uint64_t>("a tensor's dimension");
      tensor.shape[n_dims - 1 - i] = dim;  // the file has the innermost first
      if (dim == 0) fail_tensor(tensor, "has a dimension of 0", dims_at + 4 + 8 * i);
      if (__builtin_mul_overflow(n_elements, dim, &n_elements) || n_elements > std::numeric_limits<std::int64_t>::max())
        fail_tensor(tensor, "has more elements than 63 bits can count", dims_at + 4 + 8 * i);
    }
    read_tensor_type(tensor, n_elements, dims_at + 4);
    tensor.offset = reader_.read<std::uint64_t>("a tensor's offset");
    if (tensor.offset % alignment_ != 0)
      fail_tensor(tensor,
                  "has the offset " + std::to_string(tensor.offset) + ", not a multiple of the alignment " +
                      std::to_string(alignment_),
                  reader_.position() - 8);
    contents_.tensors.push_back(std::move(tensor));
  }

  void read_tensor_type(GgufTensor& tensor, std::uint64_t n_elements, std::uint64_t row_at) {
    const std::uint64_t at = reader_.position();
    const auto id = reader_.read<std::uint32_t>("a tensor's type");
    const DTypeInfo* const info = find_dtype(id);
    if (!info)
      unsupported("tensor " + quoted(tensor.name) + " has the type id " + std::to_string(id) +
                      ", which this build does not read",
                  at);
    tensor.dtype = info->dtype;
    if (tensor.shape.back() % info->block_elements != 0)
      fail_tensor(tensor,
                  "has rows of " + std::to_string(tensor.shape.back()) + " values, not whole " +
                      std::string(info->name) + " blocks of " + std::to_string(info->block_elements),
                  row_at);
    if (__builtin_mul_overflow(n_elements / info->block_elements, info->block_bytes, &tensor.n_bytes))
      fail_tensor(tensor, "has more bytes than 64 bits can count", row_at);
  }

  // Tensor offsets count from the first aligned byte after the list.
  void place_tensors() {
    const std::uint64_t start = (reader_.position() + alignment_ - 1) / alignment_ * alignment_;
    for (GgufTensor& tensor : contents_.tensors) {
      std::uint64_t end = 0;
      if (__builtin_add_overflow(tensor.offset, start, &tensor.offset) ||
          __builtin_add_overflow(tensor.offset, tensor.n_bytes, &end))
        fail_tensor(tensor, "lies at an offset that 64 bits cannot hold", offset_of(tensor.name.data()));
      if (end > bytes_.size())
        reader_.fail("truncated: tensor " + quoted(tensor.name) + " ends at byte " + std::to_string(end) +
                         "; the file needs " + std::to_string(end - bytes_.size()) + " bytes more",
                     bytes_.size());
      tensor.data = bytes_.data() + tensor.offset;
    }
  }

  // Tensors that share bytes would let a small file ask for any amount of memory once its tensors are packed.
  void check_overlaps() const {
    const std::vector<GgufTensor>& tensors = contents_.tensors;
    std::vector<std::uint32_t> order(tensors.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return tensors[a].offset < tensors[b].offset; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const GgufTensor& before = tensors[order[i - 1]];
      const GgufTensor& tensor = tensors[order[i]];
      if (before.offset + before.n_bytes > tensor.offset)
        fail_tensor(tensor, "overlaps tensor " + quoted(before.name), tensor.offset);
    }
  }

  template <typename Entry, typename Name>
  std::vector<std::uint32_t> order_by_name(const std::vector<Entry>& entries, Name name, const char* what) const {
    std::vector<std::uint32_t> order(entries.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return name(entries[a]) < name(entries[b]); });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const std::string_view first = name(entries[order[i - 1]]);
      const std::string_view second = name(entries[order[i]]);
      if (first == second)
        reader_.fail(std::string("the ") + what + " " + quoted(second) + " appears twice",
                     std::max(offset_of(first.data()), offset_of(second.data())));
    }
    return order;
  }

  [[noreturn]] void fail_tensor(const GgufTensor& tensor, const std::string& message, std::uint64_t at) const {
    reader_.fail("tensor " + quoted(tensor.name) + " " + message, at);
  }

  template <typename T>
  std::uint64_t offset_of(const T* at) const {
    return static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(at) - bytes_.data());
  }

  std::span<const std::byte> bytes_;
  const std::string& path_;
  ByteReader reader_;
  GgufContents contents_;
  std::uint64_t n_tensors_ = 0;
  std::uint64_t n_metadata_ = 0;
  std::uint64_t alignment_ = kDefaultAlignment;
};

}  // namespace

std::size_t gguf_type_bytes(GgufType type) {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
      return 1;
    case GgufType::u16:
    case GgufType::i16:
      return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
      return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64:
      return 8;
    case GgufType::string:
    case GgufType::array:
      return 0;
  }
  return 0;
}

GgufContents parse_gguf(std::span<const std::byte> bytes, const std::string& path) {
  return Parser(bytes, path).parse();
}

}  // namespace llmagentos
