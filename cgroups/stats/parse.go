package stats

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Number parses the contents of a control file with one number. "max" is 2^64-1.
// Anything else that isn't a number is 0, because statistics are best effort.
func Number(text string) uint64 {
	text = strings.TrimSpace(text)
	if text == "max" {
		return math.MaxUint64
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Keyed parses a flat keyed file: each line has a key and a number.
func Keyed(text string) map[string]uint64 {
	m := make(map[string]uint64, strings.Count(text, "\n")+1)
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			m[key] = Number(value)
		}
	}
	return m
}

// Numbers parses numbers separated by white space.
func Numbers(text string) []uint64 {
	fields := strings.Fields(text)
	list := make([]uint64, len(fields))
	for i, f := range fields {
		list[i] = Number(f)
	}
	return list
}

// Set parses a list of processors or memory nodes such as "0-3,7".
func Set(text string) []uint16 {
	var set []uint16
	for part := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(low, 10, 16)
		if err != nil {
			continue
		}
		last := first
		if isRange {
			if last, err = strconv.ParseUint(high, 10, 16); err != nil {
				continue
			}
		}
		for n := first; n <= last; n++ {
			set = append(set, uint16(n))
		}
	}
	return set
}

// ParsePSI parses a pressure file; nil if text is empty.
func ParsePSI(text string) *PSI {
	if text == "" {
		return nil
	}
	var psi PSI
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		switch fields[0] {
		case "some":
			psi.Some = parsePressure(fields[1:])
		case "full":
			psi.Full = parsePressure(fields[1:])
		}
	}
	return &psi
}

func parsePressure(fields []string) Pressure {
	var p Pressure
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		average, _ := strconv.ParseFloat(value, 64)
		switch key {
		case "avg10":
			p.Avg10 = average
		case "avg60":
			p.Avg60 = average
		case "avg300":
			p.Avg300 = average
		case "total":
			p.Total = Number(value)
		}
	}
	return p
}

// Device parses "major:minor".
func Device(text string) (major, minor uint64, ok bool) {
	a, b, ok := strings.Cut(text, ":")
	if !ok {
		return 0, 0, false
	}
	major, err1 := strconv.ParseUint(a, 10, 32)
	minor, err2 := strconv.ParseUint(b, 10, 32)
	return major, minor, err1 == nil && err2 == nil
}

// BlockIOLines parses a blkio file of v1, with lines of "major:minor [op] value".
// The line with the sum of all devices is left out.
func BlockIOLines(text string) []BlockIOEntry {
	var list []BlockIOEntry
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		major, minor, ok := Device(fields[0])
		if !ok {
			continue
		}
		e := BlockIOEntry{Major: major, Minor: minor, Value: Number(fields[len(fields)-1])}
		if len(fields) == 3 {
			e.Op = fields[1]
		}
		list = append(list, e)
	}
	return list
}

// IOStat converts io.stat of v2 to the lists that v1 has: bytes and operations.
func IOStat(text string) (bytes, operations []BlockIOEntry) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		major, minor, ok := Device(fields[0])
		if !ok {
			continue
		}
		for _, f := range fields[1:] {
			key, value, _ := strings.Cut(f, "=")
			e := BlockIOEntry{Major: major, Minor: minor, Value: Number(value)}
			switch key {
			case "rbytes":
				e.Op = "Read"
				bytes = append(bytes, e)
			case "wbytes":
				e.Op = "Write"
				bytes = append(bytes, e)
			case "dbytes":
				e.Op = "Discard"
				bytes = append(bytes, e)
			case "rios":
				e.Op = "Read"
				operations = append(operations, e)
			case "wios":
				e.Op = "Write"
				operations = append(operations, e)
			case "dios":
				e.Op = "Discard"
				operations = append(operations, e)
			}
		}
	}
	return bytes, operations
}

// RdmaLines parses rdma.current or rdma.max.
func RdmaLines(text string) []RdmaEntry {
	var list []RdmaEntry
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		e := RdmaEntry{Device: fields[0]}
		for _, f := range fields[1:] {
			key, value, _ := strings.Cut(f, "=")
			n := uint32(min(Number(value), math.MaxUint32))
			switch key {
			case "hca_handle":
				e.HcaHandles = n
			case "hca_object":
				e.HcaObjects = n
			}
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b RdmaEntry) int { return cmp.Compare(a.Device, b.Device) })
	return list
}
