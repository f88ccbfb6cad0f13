// The interpreter's lock, given up around native work.
#pragma once

#include <pybind11/pybind11.h>

#ifdef __GLIBCXX__
#include <cxxabi.h>
#include <unistd.h>
#endif

namespace llmagentos::bindings {

// As pybind11::gil_scoped_release, but for its end. Up to Python 3.13 a daemon thread that takes the lock again while
// the interpreter is taken down is ended there by pthread_exit, which unwinds the stack and aborts the process in the
// first destructor. Such a thread stays here instead, as it does from Python 3.14 on, until the process is gone.
class ReleasedGil {
 public:
  ReleasedGil() : state_(PyEval_SaveThread()) {}
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;

#ifdef __GLIBCXX__
  ~ReleasedGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (abi::__forced_unwind&) {
      for (;;) pause();
    }
  }
#else
  ~ReleasedGil() { PyEval_RestoreThread(state_); }
#endif

 private:
  PyThreadState* state_;
};

}  // namespace llmagentos::bindings
