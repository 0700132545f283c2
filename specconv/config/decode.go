// Package config decodes and validates a config.json, and examines one for all of its
// problems. It compiles single entries, such as mounts and namespaces, as far as both
// validator and planner need it. It knows nothing of plans, and learns about the host
// only from the Host that it is given.
package config

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
	"github.com/runnel/runnel/internal/place"
)

// Decode reads a config.json, config.md, of which it takes what concerns Linux.
// Properties that it doesn't know are ignored, as the specification demands. An
// error names line, column and property, and is at that place.
func Decode(data []byte) (*specs.Spec, error) {
	spec := new(specs.Spec)
	r := jsontext.NewReader(string(data), nil)
	if err := r.Document(documentName, func(r *jsontext.Reader) { readSpec(r, spec) }); err != nil {
		return nil, placed(err)
	}
	return spec, nil
}

// placed makes an error of a config.json one with a place.
func placed(err error) error {
	var e *jsontext.Error
	if !errors.As(err, &e) || e.Pointer == "" {
		return err
	}
	return fmt.Errorf("%s: %w", e.Position(), place.Wrap(place.At(e.Pointer), e.Err))
}

// DecodeProcess reads the process property alone, as `exec --process` gets it.
// name is that of the file, for errors.
func DecodeProcess(name string, data []byte) (*specs.Process, error) {
	process := new(specs.Process)
	r := jsontext.NewReader(string(data), nil)
	if err := r.Document(name, func(r *jsontext.Reader) { readProcess(r, process) }); err != nil {
		return nil, err
	}
	return process, nil
}

// DecodeResources reads linux.resources alone, as `update --resources` gets it,
// into v: what isn't in the document stays as it is.
func DecodeResources(name string, data []byte, v *specs.LinuxResources) error {
	r := jsontext.NewReader(string(data), nil)
	return r.Document(name, func(r *jsontext.Reader) { readResources(r, v) })
}

func readSpec(r *jsontext.Reader, v *specs.Spec) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "ociVersion":
			jsontext.ReadString(r, &v.Version)
		case "process":
			jsontext.ReadOptional(r, &v.Process, readProcess)
		case "root":
			jsontext.ReadOptional(r, &v.Root, readRoot)
		case "hostname":
			jsontext.ReadString(r, &v.Hostname)
		case "domainname":
			jsontext.ReadString(r, &v.Domainname)
		case "mounts":
			jsontext.ReadList(r, &v.Mounts, readMount)
		case "hooks":
			jsontext.ReadOptional(r, &v.Hooks, readHooks)
		case "annotations":
			jsontext.ReadMap(r, &v.Annotations, jsontext.ReadString[string])
		case "linux":
			jsontext.ReadOptional(r, &v.Linux, readLinux)
		default:
			r.Unknown(key)
		}
	})
}

func readRoot(r *jsontext.Reader, v *specs.Root) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "path":
			jsontext.ReadString(r, &v.Path)
		case "readonly":
			jsontext.ReadBool(r, &v.Readonly)
		default:
			r.Unknown(key)
		}
	})
}

func readMount(r *jsontext.Reader, v *specs.Mount) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "destination":
			jsontext.ReadString(r, &v.Destination)
		case "type":
			jsontext.ReadString(r, &v.Type)
		case "source":
			jsontext.ReadString(r, &v.Source)
		case "options":
			jsontext.ReadList(r, &v.Options, jsontext.ReadString[string])
		case "uidMappings":
			jsontext.ReadList(r, &v.UIDMappings, readIDMapping)
		case "gidMappings":
			jsontext.ReadList(r, &v.GIDMappings, readIDMapping)
		default:
			r.Unknown(key)
		}
	})
}

func readIDMapping(r *jsontext.Reader, v *specs.LinuxIDMapping) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "containerID":
			jsontext.ReadUint(r, &v.ContainerID)
		case "hostID":
			jsontext.ReadUint(r, &v.HostID)
		case "size":
			jsontext.ReadUint(r, &v.Size)
		default:
			r.Unknown(key)
		}
	})
}

func readHooks(r *jsontext.Reader, v *specs.Hooks) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "prestart":
			//nolint:staticcheck // deprecated, but a MUST of the spec
			jsontext.ReadList(r, &v.Prestart, readHook)
		case "createRuntime":
			jsontext.ReadList(r, &v.CreateRuntime, readHook)
		case "createContainer":
			jsontext.ReadList(r, &v.CreateContainer, readHook)
		case "startContainer":
			jsontext.ReadList(r, &v.StartContainer, readHook)
		case "poststart":
			jsontext.ReadList(r, &v.Poststart, readHook)
		case "poststop":
			jsontext.ReadList(r, &v.Poststop, readHook)
		default:
			r.Unknown(key)
		}
	})
}

func readHook(r *jsontext.Reader, v *specs.Hook) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "path":
			jsontext.ReadString(r, &v.Path)
		case "args":
			jsontext.ReadList(r, &v.Args, jsontext.ReadString[string])
		case "env":
			jsontext.ReadList(r, &v.Env, jsontext.ReadString[string])
		case "timeout":
			jsontext.ReadOptional(r, &v.Timeout, jsontext.ReadInt[int])
		default:
			r.Unknown(key)
		}
	})
}

func readProcess(r *jsontext.Reader, v *specs.Process) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "terminal":
			jsontext.ReadBool(r, &v.Terminal)
		case "consoleSize":
			jsontext.ReadOptional(r, &v.ConsoleSize, readBox)
		case "user":
			readUser(r, &v.User)
		case "args":
			jsontext.ReadList(r, &v.Args, jsontext.ReadString[string])
		case "commandLine":
			jsontext.ReadString(r, &v.CommandLine)
		case "env":
			jsontext.ReadList(r, &v.Env, jsontext.ReadString[string])
		case "cwd":
			jsontext.ReadString(r, &v.Cwd)
		case "capabilities":
			jsontext.ReadOptional(r, &v.Capabilities, readCapabilities)
		case "rlimits":
			jsontext.ReadList(r, &v.Rlimits, readRlimit)
		case "noNewPrivileges":
			jsontext.ReadBool(r, &v.NoNewPrivileges)
		case "apparmorProfile":
			jsontext.ReadString(r, &v.ApparmorProfile)
		case "oomScoreAdj":
			jsontext.ReadOptional(r, &v.OOMScoreAdj, jsontext.ReadInt[int])
		case "scheduler":
			jsontext.ReadOptional(r, &v.Scheduler, readScheduler)
		case "selinuxLabel":
			jsontext.ReadString(r, &v.SelinuxLabel)
		case "ioPriority":
			jsontext.ReadOptional(r, &v.IOPriority, readIOPriority)
		case "execCPUAffinity":
			jsontext.ReadOptional(r, &v.ExecCPUAffinity, readAffinity)
		default:
			r.Unknown(key)
		}
	})
}

func readBox(r *jsontext.Reader, v *specs.Box) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "height":
			jsontext.ReadUint(r, &v.Height)
		case "width":
			jsontext.ReadUint(r, &v.Width)
		default:
			r.Unknown(key)
		}
	})
}

func readUser(r *jsontext.Reader, v *specs.User) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "uid":
			jsontext.ReadUint(r, &v.UID)
		case "gid":
			jsontext.ReadUint(r, &v.GID)
		case "umask":
			jsontext.ReadOptional(r, &v.Umask, jsontext.ReadUint[uint32])
		case "additionalGids":
			jsontext.ReadList(r, &v.AdditionalGids, jsontext.ReadUint[uint32])
		case "username":
			jsontext.ReadString(r, &v.Username)
		default:
			r.Unknown(key)
		}
	})
}

func readCapabilities(r *jsontext.Reader, v *specs.LinuxCapabilities) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "bounding":
			jsontext.ReadList(r, &v.Bounding, jsontext.ReadString[string])
		case "effective":
			jsontext.ReadList(r, &v.Effective, jsontext.ReadString[string])
		case "inheritable":
			jsontext.ReadList(r, &v.Inheritable, jsontext.ReadString[string])
		case "permitted":
			jsontext.ReadList(r, &v.Permitted, jsontext.ReadString[string])
		case "ambient":
			jsontext.ReadList(r, &v.Ambient, jsontext.ReadString[string])
		default:
			r.Unknown(key)
		}
	})
}

func readRlimit(r *jsontext.Reader, v *specs.POSIXRlimit) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "type":
			jsontext.ReadString(r, &v.Type)
		case "hard":
			jsontext.ReadUint(r, &v.Hard)
		case "soft":
			jsontext.ReadUint(r, &v.Soft)
		default:
			r.Unknown(key)
		}
	})
}

func readScheduler(r *jsontext.Reader, v *specs.Scheduler) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "policy":
			jsontext.ReadString(r, &v.Policy)
		case "nice":
			jsontext.ReadInt(r, &v.Nice)
		case "priority":
			jsontext.ReadInt(r, &v.Priority)
		case "flags":
			jsontext.ReadList(r, &v.Flags, jsontext.ReadString[specs.LinuxSchedulerFlag])
		case "runtime":
			jsontext.ReadUint(r, &v.Runtime)
		case "deadline":
			jsontext.ReadUint(r, &v.Deadline)
		case "period":
			jsontext.ReadUint(r, &v.Period)
		default:
			r.Unknown(key)
		}
	})
}

func readIOPriority(r *jsontext.Reader, v *specs.LinuxIOPriority) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "class":
			jsontext.ReadString(r, &v.Class)
		case "priority":
			jsontext.ReadInt(r, &v.Priority)
		default:
			r.Unknown(key)
		}
	})
}

func readAffinity(r *jsontext.Reader, v *specs.CPUAffinity) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "initial":
			jsontext.ReadString(r, &v.Initial)
		case "final":
			jsontext.ReadString(r, &v.Final)
		default:
			r.Unknown(key)
		}
	})
}
