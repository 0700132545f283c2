package systemd

import (
	"strconv"
	"strings"

	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// unified converts the files of linux.resources.unified that have a property. Others
// are written to the cgroup only.
func (c *compiler) unified(files map[string]string) {
	for _, file := range limits.SortedKeys(files) {
		text := strings.TrimSpace(files[file])
		at := limits.Field("unified", file)
		switch file {
		case "memory.max":
			c.limit("MemoryMax", at, text)
		case "memory.high":
			c.limit("MemoryHigh", at, text)
		case "memory.low":
			c.limit("MemoryLow", at, text)
		case "memory.min":
			c.limit("MemoryMin", at, text)
		case "memory.swap.max":
			c.limit("MemorySwapMax", at, text)
		case "memory.zswap.max":
			c.optionalLimit("MemoryZSwapMax", at, text) // since version 253
		case "memory.zswap.writeback":
			c.add(optional(set("MemoryZSwapWriteback", text != "0"))) // since version 256
		case "io.weight":
			c.ioWeightFile(at, text)
		case "io.max":
			c.ioMaxFile(text)
		case "pids.max":
			c.limit("TasksMax", at, text)
		case "cpu.weight":
			c.limit("CPUWeight", at, text)
		case "cpu.idle":
			if text == "1" {
				c.add(optional(set("CPUWeight", uint64(0))))
			}
		case "cpu.max":
			c.cpuMax(at, text)
		case "cpuset.cpus":
			c.cpuset("AllowedCPUs", at, text)
		case "cpuset.mems":
			c.cpuset("AllowedMemoryNodes", at, text)
		case "memory.oom.group":
			c.oomGroup(text)
		}
	}
}

// limit adds a limit, which is a number or "max". A number with a unit is only written
// to the cgroup.
func (c *compiler) limit(name string, at place.Place, text string) {
	if text == "max" {
		c.number(name, unlimited)
		return
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		if strings.TrimRight(text, "kKmMgGtT") == text {
			c.problems.Addf(at, "%q is neither a number nor max", text)
		}
		return
	}
	c.number(name, n)
}

func (c *compiler) optionalLimit(name string, at place.Place, text string) {
	before := len(c.list)
	c.limit(name, at, text)
	for i := range c.list[before:] {
		c.list[before+i].Optional = true
	}
}

// cpuMax adds the limits of a "QUOTA PERIOD", where the period may be missing.
func (c *compiler) cpuMax(at place.Place, text string) {
	first, second, _ := strings.Cut(text, " ")
	quota, period := int64(-1), uint64(0)
	var err error
	if first != "max" {
		quota, err = strconv.ParseInt(first, 10, 64)
	}
	if err == nil && second != "" {
		period, err = strconv.ParseUint(second, 10, 64)
	}
	if err != nil {
		c.problems.Addf(at, "%q is not a quota and a period in microseconds", text)
		return
	}
	c.quota(quota, period, "")
}

// oomGroup adds OOMPolicy, which scopes have since systemd 253.
func (c *compiler) oomGroup(text string) {
	switch text {
	case "0":
		c.add(optional(set("OOMPolicy", "continue")))
	case "1":
		c.add(optional(set("OOMPolicy", "kill")))
	}
}
