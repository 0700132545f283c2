package systemd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	sdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// AnnotationPrefix begins the annotations that set a property of the unit.
const AnnotationPrefix = "org.systemd.property."

// Annotations returns the annotations that set properties of the unit, by the
// name of the property. The values are GVariant text and have been checked. These
// annotations must be removed from a config that isn't trusted, because systemd
// acts for a unit with its own privileges.
func Annotations(annotations map[string]string) (map[string]string, error) {
	var picked map[string]string
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, AnnotationPrefix)
		if !ok {
			continue
		}
		if _, err := parseProperty(name, annotations[key]); err != nil {
			return nil, fmt.Errorf("annotation %s: %w", key, err)
		}
		if picked == nil {
			picked = map[string]string{}
		}
		picked[name] = annotations[key]
	}
	return picked, nil
}

// annotationProperties converts the result of Annotations to properties.
func annotationProperties(picked map[string]string) ([]Property, error) {
	var list []Property
	for _, name := range slices.Sorted(maps.Keys(picked)) {
		p, err := parseProperty(name, picked[name])
		if err != nil {
			return nil, fmt.Errorf("annotation %s%s: %w", AnnotationPrefix, name, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// parseProperty parses one property. A time in seconds under the name that unit
// files use becomes the time in microseconds that D-Bus uses: TimeoutStopSec,
// TimeoutStopUSec.
func parseProperty(name, text string) (Property, error) {
	if err := checkProperty(name); err != nil {
		return Property{}, err
	}
	value, err := dbus.ParseVariant(text, dbus.Signature{})
	if err != nil {
		return Property{}, fmt.Errorf("value %q is not GVariant text: %w", text, err)
	}
	base, isSeconds := strings.CutSuffix(name, "Sec")
	if !isSeconds || strings.HasSuffix(name, "USec") {
		return Property{Property: sdbus.Property{Name: name, Value: value}}, nil
	}
	micros, err := microseconds(value.Value())
	if err != nil {
		return Property{}, fmt.Errorf("value %q: %w", text, err)
	}
	return set(base+"USec", micros), nil
}

// checkProperty refuses a name that no property can have, and the properties
// that determine which processes and which cgroup are the container's.
func checkProperty(name string) error {
	if len(name) < 3 {
		return fmt.Errorf("%q is too short for the name of a property", name)
	}
	for _, c := range []byte(name) {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return fmt.Errorf("%q: the name of a property has letters only", name)
		}
	}
	switch name {
	case "PIDs", "PIDFDs", "Slice", "Delegate":
		return fmt.Errorf("property %s is set by the runtime", name)
	}
	return nil
}

func microseconds(value any) (uint64, error) {
	const perSecond = 1_000_000
	switch v := value.(type) {
	case byte:
		return uint64(v) * perSecond, nil
	case int16:
		return microseconds(float64(v))
	case int32:
		return microseconds(float64(v))
	case int64:
		return microseconds(float64(v))
	case uint16:
		return microseconds(float64(v))
	case uint32:
		return microseconds(float64(v))
	case uint64:
		return microseconds(float64(v))
	case float64:
		if v >= 0 && v < (1<<63)/perSecond {
			return uint64(v * perSecond), nil
		}
		return 0, fmt.Errorf("out of range")
	}
	return 0, fmt.Errorf("not a number of seconds")
}
