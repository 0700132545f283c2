package state

import (
	"fmt"
	"time"

	"github.com/runnel/runnel/cgroups"
	"github.com/runnel/runnel/internal/jsontext"
)

// The format of state.json is an object with a member for each field of State; members
// with a zero value may be absent. Every command reads it, so it is decoded without
// reflection, for speed.

func (s *State) encode() []byte {
	w := &jsontext.Writer{Text: make([]byte, 0, 2048)}
	w.Begin('{')
	w.Int("version", stateVersion)
	w.String("id", s.ID)
	w.Int("pid", s.Pid)
	w.Uint("startTime", s.StartTime)
	w.Uint("pidfdInode", s.PidfdInode)
	w.String("created", s.Created.Format(time.RFC3339Nano))
	w.String("bundle", s.Bundle)
	w.String("rootfs", s.Rootfs)
	if s.Cgroup != nil {
		w.Key("cgroup")
		encodeLocation(w, s.Cgroup)
	}
	if s.IntelRdt != nil {
		w.Key("intelRdt")
		s.IntelRdt.encode(w)
	}
	w.Int("ownerUid", s.OwnerUID)
	if len(s.Annotations) > 0 {
		w.StringMap("annotations", s.Annotations)
	}
	w.String("ociVersion", s.OCIVersion)
	w.Bool("hasProcess", s.HasProcess)
	w.Bool("hasHooks", s.HasHooks)
	w.Bool("hostPidNamespace", s.HostPidNS)
	w.Bool("notify", s.Notify)
	if len(s.Devices) > 0 {
		w.Strings("devices", s.Devices)
	}
	if len(s.DeviceChanges) > 0 {
		w.Key("deviceChanges")
		w.Begin('[')
		for i := range s.DeviceChanges {
			w.Element()
			s.DeviceChanges[i].encode(w)
		}
		w.End(']')
	}
	if s.Failure != "" {
		w.String("failure", s.Failure)
	}
	w.Uint("underRootfs", s.UnderRootfs)
	if len(s.Streams) > 0 {
		w.Strings("streams", s.Streams)
	}
	if s.Restoring {
		w.Bool("restoring", s.Restoring)
	}
	if len(s.Late) > 0 {
		w.Key("late")
		w.Begin('[')
		for i := range s.Late {
			w.Element()
			s.Late[i].encode(w)
		}
		w.End(']')
	}
	w.End('}')
	return w.Text
}

func encodeLocation(w *jsontext.Writer, l *cgroups.Location) {
	w.Begin('{')
	w.Int("mode", int(l.Mode))
	w.String("driver", l.Driver)
	w.StringMap("paths", l.Paths)
	w.StringMap("mounts", l.Mounts)
	if len(l.Existing) > 0 {
		w.Strings("existing", l.Existing)
	}
	if len(l.Parents) > 0 {
		w.Strings("parents", l.Parents)
	}
	if u := l.Unit; u != nil {
		w.Key("unit")
		w.Begin('{')
		w.String("id", u.ID)
		w.String("slice", u.Slice)
		w.String("name", u.Name)
		w.Bool("user", u.User)
		if len(u.Properties) > 0 {
			w.StringMap("properties", u.Properties)
		}
		w.End('}')
	}
	w.End('}')
}

func (r *Rdt) encode(w *jsontext.Writer) {
	w.Begin('{')
	w.String("group", r.Group)
	w.Bool("own", r.Own)
	w.String("monitor", r.Monitor)
	w.End('}')
}

func decodeState(content []byte) (*State, error) {
	s := new(State)
	var version int
	var created string
	err := jsontext.DecodeObject(stateName, content, func(key string, v jsontext.Value) bool {
		switch key {
		case "version":
			v.Int(&version)
		case "created":
			v.String(&created)
		default:
			return s.decode(key, v)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if version != stateVersion {
		return nil, fmt.Errorf("version %d, this runnel knows %d", version, stateVersion)
	}
	if s.Created, err = time.Parse(time.RFC3339Nano, created); err != nil {
		return nil, fmt.Errorf("%s: created: %w", stateName, err)
	}
	return s, nil
}

func (s *State) decode(key string, v jsontext.Value) bool {
	switch key {
	case "id":
		v.String(&s.ID)
	case "pid":
		v.Int(&s.Pid)
	case "startTime":
		v.Uint(&s.StartTime)
	case "pidfdInode":
		v.Uint(&s.PidfdInode)
	case "bundle":
		v.String(&s.Bundle)
	case "rootfs":
		v.String(&s.Rootfs)
	case "cgroup":
		s.Cgroup = new(cgroups.Location)
		decodeLocation(s.Cgroup, v)
	case "intelRdt":
		s.IntelRdt = new(Rdt)
		v.Object(s.IntelRdt.decode)
	case "ownerUid":
		v.Int(&s.OwnerUID)
	case "annotations":
		v.StringMap(&s.Annotations)
	case "ociVersion":
		v.String(&s.OCIVersion)
	case "hasProcess":
		v.Bool(&s.HasProcess)
	case "hasHooks":
		v.Bool(&s.HasHooks)
	case "hostPidNamespace":
		v.Bool(&s.HostPidNS)
	case "notify":
		v.Bool(&s.Notify)
	case "failure":
		v.String(&s.Failure)
	case "devices":
		v.Strings(&s.Devices)
	case "deviceChanges":
		v.List(func(v jsontext.Value) {
			s.DeviceChanges = append(s.DeviceChanges, DeviceChange{})
			v.Object(s.DeviceChanges[len(s.DeviceChanges)-1].decode)
		})
	case "underRootfs":
		v.Uint(&s.UnderRootfs)
	case "streams":
		v.Strings(&s.Streams)
	case "restoring":
		v.Bool(&s.Restoring)
	case "late":
		v.List(func(v jsontext.Value) {
			s.Late = append(s.Late, Step{})
			v.Object(s.Late[len(s.Late)-1].decode)
		})
	default:
		return false
	}
	return true
}

func decodeLocation(l *cgroups.Location, v jsontext.Value) {
	v.Object(func(key string, v jsontext.Value) bool {
		switch key {
		case "mode":
			var mode int
			v.Int(&mode)
			l.Mode = cgroups.Mode(mode)
		case "driver":
			v.String(&l.Driver)
		case "paths":
			v.StringMap(&l.Paths)
		case "mounts":
			v.StringMap(&l.Mounts)
		case "existing":
			v.Strings(&l.Existing)
		case "parents":
			v.Strings(&l.Parents)
		case "unit":
			l.Unit = new(cgroups.Unit)
			decodeUnit(l.Unit, v)
		default:
			return false
		}
		return true
	})
}

func decodeUnit(u *cgroups.Unit, v jsontext.Value) {
	v.Object(func(key string, v jsontext.Value) bool {
		switch key {
		case "id":
			v.String(&u.ID)
		case "slice":
			v.String(&u.Slice)
		case "name":
			v.String(&u.Name)
		case "user":
			v.Bool(&u.User)
		case "properties":
			v.StringMap(&u.Properties)
		default:
			return false
		}
		return true
	})
}

func (r *Rdt) decode(key string, v jsontext.Value) bool {
	switch key {
	case "group":
		v.String(&r.Group)
	case "own":
		v.Bool(&r.Own)
	case "monitor":
		v.String(&r.Monitor)
	default:
		return false
	}
	return true
}

func (d *DeviceChange) encode(w *jsontext.Writer) {
	w.Begin('{')
	w.String("path", d.Path)
	w.String("kind", d.Kind)
	w.Int("major", d.Major)
	w.Int("minor", d.Minor)
	w.String("access", d.Access)
	w.End('}')
}

func (d *DeviceChange) decode(key string, v jsontext.Value) bool {
	switch key {
	case "path":
		v.String(&d.Path)
	case "kind":
		v.String(&d.Kind)
	case "major":
		v.Int(&d.Major)
	case "minor":
		v.Int(&d.Minor)
	case "access":
		v.String(&d.Access)
	default:
		return false
	}
	return true
}

func (s *Step) encode(w *jsontext.Writer) {
	w.Begin('{')
	w.String("kind", s.Kind)
	w.String("pointer", s.Pointer)
	w.String("path", s.Path)
	w.Uint("timeout", s.Timeout)
	w.End('}')
}

func (s *Step) decode(key string, v jsontext.Value) bool {
	switch key {
	case "kind":
		v.String(&s.Kind)
	case "pointer":
		v.String(&s.Pointer)
	case "path":
		v.String(&s.Path)
	case "timeout":
		v.Uint(&s.Timeout)
	default:
		return false
	}
	return true
}
