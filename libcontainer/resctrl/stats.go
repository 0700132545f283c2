package resctrl

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/runnel/runnel/libcontainer/state"
)

// Stats are the statistics of linux.intelRdt in `runnel events`, with the names of
// runc. They are empty for a container without it.
type Stats struct {
	L3CacheInfo       *L3Info `json:"l3_cache_info,omitempty"`
	L3CacheSchemaRoot string  `json:"l3_cache_schema_root,omitempty"`
	L3CacheSchema     string  `json:"l3_cache_schema,omitempty"`
	MemBwInfo         *MBInfo `json:"mem_bw_info,omitempty"`
	MemBwSchemaRoot   string  `json:"mem_bw_schema_root,omitempty"`
	MemBwSchema       string  `json:"mem_bw_schema,omitempty"`
	// MBM and CMT have one entry for each L3 cache, in their order.
	MBM []Bandwidth `json:"mbm_stats,omitempty"`
	CMT []Occupancy `json:"cmt_stats,omitempty"`
}

// L3Info describes what the hardware supports for the L3 cache.
type L3Info struct {
	CbmMask    string `json:"cbm_mask,omitempty"`
	MinCbmBits uint64 `json:"min_cbm_bits,omitempty"`
	NumClosids uint64 `json:"num_closids,omitempty"`
}

// MBInfo describes what the hardware supports for memory bandwidth.
type MBInfo struct {
	BandwidthGran uint64 `json:"bandwidth_gran,omitempty"`
	DelayLinear   uint64 `json:"delay_linear,omitempty"`
	MinBandwidth  uint64 `json:"min_bandwidth,omitempty"`
	NumClosids    uint64 `json:"num_closids,omitempty"`
}

// Bandwidth is the memory traffic through one cache, in bytes.
type Bandwidth struct {
	Total uint64 `json:"mbm_total_bytes"`
	Local uint64 `json:"mbm_local_bytes"`
}

// Occupancy is the used part of one cache, in bytes.
type Occupancy struct {
	Bytes uint64 `json:"llc_occupancy"`
}

// Stats reads the statistics. What can't be read is left out.
func (root FS) Stats(s *state.Rdt) Stats {
	var r Stats
	if s == nil {
		return r
	}
	if root.Has("info", "L3") {
		r.L3CacheInfo = &L3Info{
			CbmMask:    root.text("info", "L3", "cbm_mask"),
			MinCbmBits: root.number("info", "L3", "min_cbm_bits"),
			NumClosids: root.number("info", "L3", "num_closids"),
		}
		r.L3CacheSchemaRoot, r.L3CacheSchema = root.schema("", "L3"), root.schema(s.Group, "L3")
	}
	if root.Has("info", "MB") {
		r.MemBwInfo = &MBInfo{
			BandwidthGran: root.number("info", "MB", "bandwidth_gran"),
			DelayLinear:   root.number("info", "MB", "delay_linear"),
			MinBandwidth:  root.number("info", "MB", "min_bandwidth"),
			NumClosids:    root.number("info", "MB", "num_closids"),
		}
		r.MemBwSchemaRoot, r.MemBwSchema = root.schema("", "MB"), root.schema(s.Group, "MB")
	}
	root.monitored(s, &r)
	return r
}

// monitored reads the counters of the container's monitoring group or, if it has none,
// of its class of service.
func (root FS) monitored(s *state.Rdt, r *Stats) {
	data := root.Path(s.Group, s.Monitor, "mon_data")
	entries, _ := os.ReadDir(data)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "mon_L3_") {
			continue
		}
		cache := FS(filepath.Join(data, e.Name()))
		if cache.Has("mbm_total_bytes") {
			r.MBM = append(r.MBM, Bandwidth{Total: cache.number("mbm_total_bytes"), Local: cache.number("mbm_local_bytes")})
		}
		if cache.Has("llc_occupancy") {
			r.CMT = append(r.CMT, Occupancy{Bytes: cache.number("llc_occupancy")})
		}
	}
}

// schema returns the line for one resource in a group's schemata.
func (root FS) schema(group, resource string) string {
	for line := range strings.Lines(root.text(group, "schemata")) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, resource+":") {
			return line
		}
	}
	return ""
}

// text returns the content of a file; "" if it can't be read.
func (root FS) text(names ...string) string {
	content, _ := os.ReadFile(root.Path(names...))
	return strings.TrimSpace(string(content))
}

// number returns the number in a file; 0 if it can't be read.
func (root FS) number(names ...string) uint64 {
	n, _ := strconv.ParseUint(root.text(names...), 10, 64)
	return n
}
