// A minimal test frame: TEST(name) { CHECK(x); CHECK_THROWS(Error, expr); }, and TEST_MAIN once per program.
#pragma once

#include <cstdio>
#include <exception>
#include <vector>

namespace check {

struct Case {
  const char* name;
  void (*body)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

inline void fail(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
  ++failures();
}

struct Register {
  Register(const char* name, void (*body)()) { cases().push_back({name, body}); }
};

inline int run_all() {
  int failed = 0;
  for (const Case& test : cases()) {
    const int before = failures();
    try {
      test.body();
    } catch (const std::exception& error) {
      fail(test.name, 0, error.what());
    }
    if (failures() != before) {
      ++failed;
      std::fprintf(stderr, "FAILED %s\n", test.name);
    }
  }
  std::printf("%zu passed, %d failed\n", cases().size() - failed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                                  \
  static void test_##name();                                        \
  static const check::Register register_##name{#name, test_##name}; \
  static void test_##name()

#define CHECK(condition)                                           \
  do {                                                             \
    if (!(condition)) check::fail(__FILE__, __LINE__, #condition); \
  } while (false)

#define CHECK_THROWS(error_type, expression)                                                 \
  do {                                                                                       \
    bool thrown = false;                                                                     \
    try {                                                                                    \
      (void)(expression);                                                                    \
    } catch (const error_type&) {                                                            \
      thrown = true;                                                                         \
    }                                                                                        \
    if (!thrown) check::fail(__FILE__, __LINE__, #expression " did not throw " #error_type); \
  } while (false)

#define TEST_MAIN \
  int main() { return check::run_all(); }
