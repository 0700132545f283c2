package libcontainer

import (
	"cmp"
	"path/filepath"

	"github.com/runnel/runnel/libcontainer/bundle"
	"github.com/runnel/runnel/libcontainer/fault"
	"github.com/runnel/runnel/libcontainer/isolation"
	"github.com/runnel/runnel/specconv/config"
	"github.com/runnel/runnel/specconv/host"
)

// IsolationFinding is one thing that a config isolates from the host, or doesn't.
type IsolationFinding = isolation.Finding

// IsolationLevel says how much of the host a setting opens.
type IsolationLevel = isolation.Level

// The values of IsolationLevel.
const (
	NoRisk     = isolation.Isolated
	LowRisk    = isolation.Low
	MediumRisk = isolation.Medium
	HighRisk   = isolation.High
)

// Isolation returns what the config of a bundle isolates and what it doesn't, the worst
// first. It reads the config only. path and file are the Bundle and the Config of
// CreateOptions. The error is a *fault.Fault, for a config that Create refuses on any host,
// too.
func Isolation(path, file string) ([]IsolationFinding, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.Wrap("bundle", fault.BundleInvalid, err)
	}
	content, err := bundle.ReadConfig(dir, file)
	if err != nil {
		return nil, err
	}
	spec, _, err := config.DecodeFile(cmp.Or(file, "config.json"), content)
	if err == nil {
		err = config.FirstError(config.Validate(spec, host.Any()))
	}
	if err != nil {
		return nil, fault.Wrap("config", fault.ConfigInvalid, err)
	}
	return isolation.Examine(spec), nil
}
