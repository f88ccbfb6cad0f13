#include "base/page_merger.h"

#include <chrono>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/signals.h"

namespace llmagentos {
namespace {

constexpr int kRounds = 4;
constexpr std::chrono::milliseconds kPause{100};  // between them

void merge_all(const std::weak_ptr<AlignedBuffer>& buffer, std::vector<std::size_t> offsets) {
  for (int round = 0; round < kRounds && !offsets.empty(); ++round) {
    if (round > 0) std::this_thread::sleep_for(kPause);
    std::size_t n_later = 0;
    for (const std::size_t offset : offsets) {
      // Held for one page at a time: whoever closes a model waits for no more.
      const std::shared_ptr<AlignedBuffer> held = buffer.lock();
      const Merged merged = held ? held->merge_page(offset) : Merged::refused;
      if (merged == Merged::refused) return;
      if (merged == Merged::later) offsets[n_later++] = offset;
    }
    offsets.resize(n_later);
  }
}

}  // namespace

void merge_pages_in_background(const std::shared_ptr<AlignedBuffer>& buffer) {
  std::vector<std::size_t> offsets;
  for (std::size_t end = AlignedBuffer::kHugePage; end <= buffer->size(); end += AlignedBuffer::kHugePage)
    offsets.push_back(end - AlignedBuffer::kHugePage);
  const SignalsBlocked blocked;  // inherited by the thread
  try {
    std::thread(merge_all, std::weak_ptr(buffer), std::move(offsets)).detach();
  } catch (const std::system_error&) {
    // Small pages serve as well, only slower.
  }
}

}  // namespace llmagentos
