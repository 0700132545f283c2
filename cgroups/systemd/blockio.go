package systemd

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/cgroups/limits"
	"github.com/runnel/runnel/internal/place"
)

// deviceLimit is one entry of a property such as IOReadBandwidthMax, (st).
type deviceLimit struct {
	Device string
	Limit  uint64
}

// blockIO adds the limits of block devices. systemd keeps a list for each property,
// in which an update replaces the entries of the devices that it names.
func (c *compiler) blockIO(b *specs.LinuxBlockIO, isUnified bool) {
	if b == nil {
		return
	}
	if b.Weight != nil && *b.Weight != 0 {
		if isUnified {
			c.number("IOWeight", ioWeight(*b.Weight))
		} else {
			c.number("BlockIOWeight", uint64(*b.Weight))
		}
	}
	var weights []deviceLimit
	for _, d := range b.WeightDevice {
		// systemd can't remove a weight. Writing 0 to the file does.
		if d.Weight == nil || *d.Weight == 0 {
			continue
		}
		weight := uint64(*d.Weight)
		if isUnified {
			weight = ioWeight(*d.Weight)
		}
		weights = append(weights, deviceLimit{devicePath(d.LinuxBlockIODevice), weight})
	}
	c.deviceLimits(pick(isUnified, "IODeviceWeight", "BlockIODeviceWeight"), weights)
	c.deviceLimits(pick(isUnified, "IOReadBandwidthMax", "BlockIOReadBandwidth"), rates(b.ThrottleReadBpsDevice))
	c.deviceLimits(pick(isUnified, "IOWriteBandwidthMax", "BlockIOWriteBandwidth"), rates(b.ThrottleWriteBpsDevice))
	if isUnified {
		c.deviceLimits("IOReadIOPSMax", rates(b.ThrottleReadIOPSDevice))
		c.deviceLimits("IOWriteIOPSMax", rates(b.ThrottleWriteIOPSDevice))
	}
}

func pick(isUnified bool, v2, v1 string) string {
	if isUnified {
		return v2
	}
	return v1
}

// ioWeight converts a weight of 10 to 1000 to the range of io.weight, 1 to 10000.
func ioWeight(weight uint16) uint64 { return 1 + (uint64(max(weight, 10))-10)*9999/990 }

func (c *compiler) deviceLimits(name string, list []deviceLimit) {
	if len(list) > 0 {
		c.add(optional(set(name, list)))
	}
}

// devicePath returns the link that udev creates for the number of a block device.
func devicePath(d specs.LinuxBlockIODevice) string { return "/dev/block/" + limits.Device(d) }

// rates converts throttle rates, of which 0 removes a limit.
func rates(devices []specs.LinuxThrottleDevice) []deviceLimit {
	var list []deviceLimit
	for _, d := range devices {
		rate := d.Rate
		if rate == 0 {
			rate = unlimited
		}
		list = append(list, deviceLimit{devicePath(d.LinuxBlockIODevice), rate})
	}
	return list
}

// ioWeightFile adds the weights of io.weight in linux.resources.unified: the default,
// and one line for each device with another weight.
func (c *compiler) ioWeightFile(at place.Place, text string) {
	var devices []deviceLimit
	for line := range strings.Lines(text) {
		name, weight, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			name, weight = "default", name
		}
		if weight == "default" {
			continue // the device returns to the default, which systemd can't express
		}
		n, err := strconv.ParseUint(strings.TrimSpace(weight), 10, 64)
		if err != nil {
			c.problems.Addf(at, "%q is not a weight", line)
			return
		}
		if name == "default" {
			c.number("IOWeight", n)
		} else {
			devices = append(devices, deviceLimit{"/dev/block/" + name, n})
		}
	}
	c.deviceLimits("IODeviceWeight", devices)
}

// ioMaxFile adds the limits of io.max in linux.resources.unified: "8:0 rbps=1000
// wiops=max" in a line for each device. The kernel refuses what is wrong with it when
// it is written.
func (c *compiler) ioMaxFile(text string) {
	keys := []string{"rbps", "wbps", "riops", "wiops"}
	lists := make([][]deviceLimit, len(keys))
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		for i, key := range keys {
			for _, f := range fields {
				rate, ok := strings.CutPrefix(f, key+"=")
				n, err := strconv.ParseUint(rate, 10, 64)
				if rate == "max" {
					n, err = unlimited, nil
				}
				if ok && err == nil {
					lists[i] = append(lists[i], deviceLimit{"/dev/block/" + fields[0], n})
				}
			}
		}
	}
	for i, name := range []string{"IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax"} {
		c.deviceLimits(name, lists[i])
	}
}
