package limits

// Present is the state of a cgroup that decides how an update of linux.resources
// is applied, because the update may set one half of a pair of values. The zero
// value stands for a cgroup without limits.
type Present struct {
	CPUMax    string // quota and period, in the format of cpu.max of v2
	MemoryMax string // memory.max; v2 only
	IsIdle    bool   // cpu.idle; v2 only
}
