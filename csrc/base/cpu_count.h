// How many CPUs this process may really use.
#pragma once

#include <string>

namespace llmagentos {

// CPUs in this process's affinity mask; on systems without one, the CPUs that are online. At least 1.
int affinity_cpus();

// The CPU time that control groups (v1 or v2) allow this process, in CPUs, as the least over its group and all groups
// above it. Infinity where nothing limits it or nothing can be read. `cgroup_root` is where the hierarchies are
// mounted and `membership` the process's list of groups; tests pass their own.
double cgroup_cpu_quota(const std::string& cgroup_root = "/sys/fs/cgroup",
                        const std::string& membership = "/proc/self/cgroup");

// The smaller of the two, the quota rounded up; at least 1.
int usable_cpus(const std::string& cgroup_root = "/sys/fs/cgroup", const std::string& membership = "/proc/self/cgroup");

}  // namespace llmagentos
