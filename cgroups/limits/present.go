package limits

// Present is what a cgroup has at the moment of what an update may change one
// half of. The zero value is that of a cgroup without limits.
type Present struct {
	CPUMax    string // quota and period, as cpu.max of v2 spells them
	MemoryMax string // memory.max; of v2 only
	IsIdle    bool   // cpu.idle; of v2 only
}
