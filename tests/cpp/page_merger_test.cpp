#include "base/page_merger.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "check.h"

using llmagentos::AlignedBuffer;
using llmagentos::Merged;

#if defined(__linux__)
namespace {

constexpr int kMadvCollapse = 25;

// What the system answers to a merge, by the order in which they are asked for; empty: as it does.
std::mutex mutex;  // of both
std::vector<int> answers;
std::vector<const void*> asked;

std::ptrdiff_t n_threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

// The huge pages that are asked for, by their numbers, when the first merges are answered so and the others done.
std::vector<std::ptrdiff_t> merges(std::size_t n_pages, std::vector<int> first_answers) {
  const std::ptrdiff_t n_before = n_threads();
  {
    const std::lock_guard lock(mutex);
    answers = std::move(first_answers);
    asked.clear();
  }
  const auto buffer = std::make_shared<AlignedBuffer>(n_pages * AlignedBuffer::kHugePage);
  llmagentos::merge_pages_in_background(buffer);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (n_threads() > n_before && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(n_threads() == n_before);
  const std::lock_guard lock(mutex);
  answers.clear();
  std::vector<std::ptrdiff_t> pages;
  for (const void* at : asked)
    pages.push_back((static_cast<const std::byte*>(at) - buffer->data()) /
                    static_cast<std::ptrdiff_t>(AlignedBuffer::kHugePage));
  return pages;
}

}  // namespace

// The system's, but for merges while there are answers.
extern "C" int madvise(void* address, std::size_t n, int advice) noexcept {
  const std::lock_guard lock(mutex);
  if (advice != kMadvCollapse || answers.empty()) return static_cast<int>(syscall(SYS_madvise, address, n, advice));
  asked.push_back(address);
  errno = asked.size() <= answers.size() ? answers[asked.size() - 1] : 0;
  return errno == 0 ? 0 : -1;
}

TEST(a_page_that_the_system_is_busy_with_is_tried_again_after_the_others) {
  using Pages = std::vector<std::ptrdiff_t>;
  CHECK(merges(4, {0, EAGAIN, 0, EAGAIN, EAGAIN}) == (Pages{0, 1, 2, 3, 1, 3, 1}));
  CHECK(merges(2, std::vector(100, EAGAIN)) == (Pages{0, 1, 0, 1, 0, 1, 0, 1}));  // not for good
}

TEST(where_the_system_refuses_one_page_the_others_are_left) {
  CHECK(merges(4, {0, ENOMEM}).size() == 2);
  CHECK(merges(4, {EAGAIN, EINVAL}).size() == 2);
}
#endif

TEST(merging_pages_keeps_what_they_hold) {
  constexpr std::size_t kBytes = 4 * AlignedBuffer::kHugePage + 4097;
  auto buffer = std::make_shared<AlignedBuffer>(kBytes, llmagentos::HugePages::on_request);
  for (std::size_t i = 0; i < kBytes; i += 4096) buffer->data()[i] = static_cast<std::byte>(i / 4096 % 251);
  buffer->use_huge_pages();
  CHECK(buffer->merge_page(4096) == Merged::refused);
  CHECK(buffer->merge_page(4 * AlignedBuffer::kHugePage) == Merged::refused);
  llmagentos::merge_pages_in_background(buffer);
  const auto is_kept = [&] {
    for (std::size_t i = 0; i < kBytes; i += 4096)
      if (buffer->data()[i] != static_cast<std::byte>(i / 4096 % 251)) return false;
    return true;
  };
  // Read while they are merged; at the end only this holds the buffer.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  do CHECK(is_kept());
  while (buffer.use_count() > 1 && std::chrono::steady_clock::now() < until);
  CHECK(is_kept());
  llmagentos::merge_pages_in_background(buffer);
  buffer.reset();  // the thread ends by itself
}

TEST_MAIN
