#include "base/aligned_buffer.h"

#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"
#include "check.h"

using llmagentos::AlignedBuffer;
using llmagentos::OutOfMemoryError;

TEST(a_buffer_is_zero_aligned_and_writable) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{65}, std::size_t{4096}, AlignedBuffer::kHugeFrom - 1,
                                  AlignedBuffer::kHugeFrom, AlignedBuffer::kHugeFrom + 4097}) {
    AlignedBuffer buffer(bytes);
    CHECK(buffer.size() == bytes);
    const std::size_t alignment =
        bytes >= AlignedBuffer::kHugeFrom ? AlignedBuffer::kHugePage : AlignedBuffer::kAlignment;
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % alignment == 0);
    CHECK(buffer.data()[0] == std::byte{0} && buffer.data()[bytes - 1] == std::byte{0});
    buffer.data()[0] = buffer.data()[bytes - 1] = std::byte{7};
    CHECK(buffer.data()[bytes - 1] == std::byte{7});
  }
}

TEST(a_buffer_keeps_what_was_written_when_it_turns_to_huge_pages) {
  for (const std::size_t bytes : {std::size_t{100}, AlignedBuffer::kHugeFrom + 4097}) {
    AlignedBuffer buffer(bytes, llmagentos::HugePages::on_request);
    buffer.data()[0] = buffer.data()[bytes - 1] = std::byte{7};
    buffer.use_huge_pages();
    CHECK(buffer.data()[0] == std::byte{7} && buffer.data()[1] == std::byte{0});
    CHECK(buffer.data()[bytes - 1] == std::byte{7});
  }
}

TEST(moving_a_buffer_moves_its_memory) {
  AlignedBuffer first(100);
  std::byte* const data = first.data();
  AlignedBuffer second(std::move(first));
  CHECK(second.data() == data && second.size() == 100);
  AlignedBuffer third(5);
  third = std::move(second);
  CHECK(third.data() == data && third.size() == 100);
  CHECK(AlignedBuffer().data() == nullptr && AlignedBuffer(0).data() == nullptr);
}

TEST(a_refused_allocation_names_its_bytes) {
  for (const std::size_t bytes : {std::size_t{1} << 60, ~std::size_t{0}}) {
    bool named = false;
    try {
      AlignedBuffer buffer(bytes);
    } catch (const OutOfMemoryError& error) {
      named = std::string(error.what()).find(std::to_string(bytes)) != std::string::npos;
    }
    CHECK(named);
  }
}

TEST_MAIN
