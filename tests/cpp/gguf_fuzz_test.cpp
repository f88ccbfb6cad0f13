// 10,000 deterministic mutations of small files: each is read in full, or refused with one of the two errors, within a
// second, and with less memory than four times the file and 64 KiB.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "base/error.h"
#include "check.h"
#include "gguf_builder.h"

namespace {
std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_bytes{0};
constexpr std::size_t kPrefix = 16;  // holds the size, and keeps the alignment of malloc
}  // namespace

// Not inlined: GCC would check the access before the pointer against the size that the caller asked for.
[[gnu::noinline]] void* operator new(std::size_t n) {
  // Far above any limit checked here: what asks for it gets an error, not the machine's memory.
  void* const base = n > (std::size_t{1} << 32) ? nullptr : std::malloc(n + kPrefix);
  if (!base) throw std::bad_alloc();
  *static_cast<std::size_t*>(base) = n;
  const std::size_t live = live_bytes += n;
  if (live > peak_bytes) peak_bytes = live;
  return static_cast<char*>(base) + kPrefix;
}

[[gnu::noinline]] void operator delete(void* p) noexcept {
  if (!p) return;
  void* const base = static_cast<char*>(p) - kPrefix;
  live_bytes -= *static_cast<std::size_t*>(base);
  std::free(base);
}

void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

using llmagentos::GgufFile;
using llmagentos::GgufType;
using llmagentos::GgufValue;
using Bytes = std::vector<std::byte>;

// xorshift64*: the same sequence everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }

 private:
  std::uint64_t state_;
};

void edit_length(Bytes& file, const std::vector<std::size_t>& lengths, Random& random) {
  const std::size_t at = lengths[random.below(lengths.size())];
  if (at + 8 > file.size()) return;
  const std::uint64_t size = file.size();
  const std::uint64_t values[] = {0,
                                  1,
                                  ~std::uint64_t{0},
                                  ~std::uint64_t{0} >> 1,
                                  std::uint64_t{1} << 32,
                                  std::uint64_t{1} << 61,
                                  size,
                                  size - at,
                                  size - at - 8,
                                  size - at - 7,
                                  size / 14,
                                  size / 33,
                                  random.below(256)};
  const std::uint64_t value = values[random.below(std::size(values))];
  std::memcpy(file.data() + at, &value, sizeof value);
}

void mutate(Bytes& file, const std::vector<std::size_t>& lengths, const Bytes& donor, Random& random) {
  const std::size_t n_edits = 1 + random.below(4);
  for (std::size_t i = 0; i < n_edits && !file.empty(); ++i) {
    const std::size_t at = random.below(file.size());
    switch (random.below(6)) {
      case 0:
        file[at] ^= std::byte{1} << static_cast<int>(random.below(8));
        break;
      case 1:
        file[at] = static_cast<std::byte>(random.next() & 0xff);
        break;
      case 2:
        file.resize(at);
        break;
      case 3: {  // a run of another file over this one
        const std::size_t from = random.below(donor.size());
        const std::size_t n = std::min({random.below(64) + 1, donor.size() - from, file.size() - at});
        std::memcpy(file.data() + at, donor.data() + from, n);
        break;
      }
      case 4: {  // a run of this file once more
        const std::size_t n = std::min(random.below(64) + 1, file.size() - at);
        const Bytes run(file.begin() + static_cast<std::ptrdiff_t>(at),
                        file.begin() + static_cast<std::ptrdiff_t>(at + n));
        file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), run.begin(), run.end());
        break;
      }
      default:
        edit_length(file, lengths, random);
    }
  }
}

std::uint64_t checksum = 0;  // keeps the reads alive

template <typename Range>
void touch(const Range& bytes) {
  for (const auto byte : bytes) checksum = checksum * 31 + static_cast<unsigned char>(byte);
}

void read_array(const GgufFile& file, std::string_view key, const GgufValue& value) {
  switch (value.element_type) {
    case GgufType::string:
      for (const std::string_view text : file.string_array(key)) touch(text);
      break;
    case GgufType::f32:
    case GgufType::f64:
      checksum += file.float_array(key).size();
      break;
    case GgufType::boolean:
      touch(std::span(value.data, value.count));
      break;
    default:
      checksum += file.int_array(key).size();
  }
}

void read_everything(const GgufFile& file) {
  for (const llmagentos::GgufKeyValue& entry : file.metadata()) {
    const GgufValue& value = entry.value;
    CHECK(file.value(entry.key) == &value);
    touch(entry.key);
    try {
      if (value.is_array())
        read_array(file, entry.key, value);
      else if (value.type == GgufType::string)
        touch(*file.string(entry.key));
      else if (value.type == GgufType::boolean)
        checksum += *file.boolean(entry.key);
      else
        checksum += file.number(entry.key).has_value();
    } catch (const llmagentos::ModelFormatError&) {
      // A number outside the range asked for.
    }
  }
  for (const llmagentos::GgufTensor& tensor : file.tensors()) {
    CHECK(file.find(tensor.name) == &tensor);
    CHECK(tensor.offset + tensor.n_bytes <= file.n_bytes());
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.data) % 8 == 0);
    touch(tensor.name);
    touch(std::span(tensor.data, tensor.n_bytes));
  }
}

struct Tally {
  int parsed = 0, malformed = 0, unsupported = 0;
  double worst_ratio = 0, slowest_seconds = 0;
};

void try_file(const Bytes& file, Tally& tally) {
  const std::size_t before = live_bytes;
  peak_bytes = before;
  const auto start = std::chrono::steady_clock::now();
  try {
    read_everything(GgufFile::from_memory(file, "mutated.gguf"));
    ++tally.parsed;
  } catch (const llmagentos::ModelFormatError& error) {
    CHECK(error.path == "mutated.gguf");
    CHECK(error.offset <= file.size());
    ++tally.malformed;
  } catch (const llmagentos::UnsupportedModelError&) {
    ++tally.unsupported;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const std::size_t used = peak_bytes - before;
  CHECK(used < 4 * file.size() + 65536);
  CHECK(seconds.count() < 1.0);
  CHECK(live_bytes == before);
  tally.slowest_seconds = std::max(tally.slowest_seconds, seconds.count());
  if (file.size() > 4096) tally.worst_ratio = std::max(tally.worst_ratio, double(used) / double(file.size()));
}

TEST(mutated_files_are_read_or_refused) {
  std::vector<gguf_builder::Bytes> seeds = {gguf_builder::everything(3), gguf_builder::everything(2),
                                            gguf_builder::vocabulary(), gguf_builder::many_small()};
  Random random(20240601);
  Tally tally;
  for (int i = 0; i < 10000; ++i) {
    gguf_builder::Bytes& seed = seeds[random.below(seeds.size())];
    Bytes file = seed.bytes();
    mutate(file, seed.lengths(), seeds[random.below(seeds.size())].bytes(), random);
    try_file(file, tally);
  }
  std::printf("parsed %d, malformed %d, unsupported %d, slowest %.4f s, peak memory / file %.2f\n", tally.parsed,
              tally.malformed, tally.unsupported, tally.slowest_seconds, tally.worst_ratio);
  // The mutations reach past the header, and all three ends are met.
  CHECK(tally.parsed > 500);
  CHECK(tally.malformed > 2000);
  CHECK(tally.unsupported > 50);
}

TEST(every_truncation_is_refused_or_read) {
  for (gguf_builder::Bytes seed : {gguf_builder::everything(3), gguf_builder::vocabulary()}) {
    Tally tally;
    for (std::size_t n = 0; n < seed.bytes().size(); ++n)
      try_file(Bytes(seed.bytes().begin(), seed.bytes().begin() + static_cast<std::ptrdiff_t>(n)), tally);
    CHECK(tally.parsed == 0);
  }
}

// Counts in the header that claim as many entries as could fit are what costs the most memory.
TEST(claimed_counts_stay_under_four_times_the_file) {
  Tally tally;
  const std::size_t size = std::size_t{1} << 20;
  gguf_builder::Bytes metadata = gguf_builder::header(3, 0, (size - 24) / 14);
  gguf_builder::Bytes tensors = gguf_builder::header(3, (size - 24) / 33, 0);
  for (gguf_builder::Bytes* out : {&metadata, &tensors}) {
    out->bytes().resize(size);
    try_file(out->bytes(), tally);
  }
  CHECK(tally.malformed == 2);
  CHECK(tally.worst_ratio < 4.0);
}

}  // namespace

TEST_MAIN
