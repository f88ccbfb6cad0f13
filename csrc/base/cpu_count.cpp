#include "base/cpu_count.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>

#include <cerrno>
#endif

namespace llmagentos {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

double ratio(double quota, double period) { return quota > 0 && period > 0 ? quota / period : kUnlimited; }

// Version 2: one file, "max 100000" or "150000 100000" (microseconds of CPU time per period).
double quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0;
  double period = 0;
  return file >> quota >> period ? ratio(quota, period) : kUnlimited;
}

// Version 1: two files; a quota of -1 is no limit.
double quota_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  return quota_file >> quota && period_file >> period ? ratio(quota, period) : kUnlimited;
}

// The least quota from `group` up to the root of its hierarchy. Inside a container the group's path may be the host's
// and not exist here; the walk then still ends at the mount's root, which is the container's own group.
double least_quota(const std::string& mount, std::string group, double (*quota)(const std::string&)) {
  double least = kUnlimited;
  while (!group.empty() && group.back() == '/') group.pop_back();
  for (;;) {
    least = std::min(least, quota(mount + group));
    if (group.empty()) return least;
    const std::size_t slash = group.rfind('/');
    group.resize(slash == std::string::npos ? 0 : slash);
  }
}

}  // namespace

int affinity_cpus() {
#if defined(__linux__)
  // The kernel refuses a mask shorter than its own: grow until it fits.
  for (std::size_t cpus = 1024; cpus <= (std::size_t{1} << 20); cpus *= 2) {
    std::vector<unsigned char> storage(CPU_ALLOC_SIZE(cpus) + alignof(cpu_set_t));
    void* aligned = storage.data();
    std::size_t room = storage.size();
    if (std::align(alignof(cpu_set_t), CPU_ALLOC_SIZE(cpus), aligned, room) == nullptr) break;
    auto* const mask = static_cast<cpu_set_t*>(aligned);
    if (sched_getaffinity(0, CPU_ALLOC_SIZE(cpus), mask) == 0) {
      return std::max(1, CPU_COUNT_S(CPU_ALLOC_SIZE(cpus), mask));
    }
    if (errno != EINVAL) break;
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

double cgroup_cpu_quota(const std::string& cgroup_root, const std::string& membership) {
  // Lines are "hierarchy:controllers:path"; version 2's hierarchy is 0 and its controllers are empty.
  double least = kUnlimited;
  std::ifstream groups(membership);
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    if (first == std::string::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, least_quota(cgroup_root, path, quota_v2));
      continue;
    }
    std::stringstream names(controllers);
    for (std::string name; std::getline(names, name, ',');) {
      // Mounted as "cpu", as "cpu,cpuacct", or both by a link.
      if (name != "cpu") continue;
      least = std::min(least, least_quota(cgroup_root + "/cpu", path, quota_v1));
      least = std::min(least, least_quota(cgroup_root + "/" + controllers, path, quota_v1));
    }
  }
  return least;
}

int usable_cpus(const std::string& cgroup_root, const std::string& membership) {
  const int cpus = affinity_cpus();
  const double quota = std::ceil(cgroup_cpu_quota(cgroup_root, membership));
  return quota < cpus ? std::max(1, static_cast<int>(quota)) : cpus;
}

}  // namespace llmagentos
