package specconv

import "github.com/opencontainers/runtime-spec/specs-go"

// Decode reads a config.json, config.md, of which it takes what concerns Linux.
// Properties that it doesn't know are ignored, as the specification demands. An
// error names line, column and property.
func Decode(data []byte) (*specs.Spec, error) {
	r := &reader{text: string(data)}
	spec := new(specs.Spec)
	if err := r.document("config.json", func(r *reader) { readSpec(r, spec) }); err != nil {
		return nil, err
	}
	return spec, nil
}

// DecodeProcess reads the process property alone, as `exec --process` gets it.
// name is that of the file, for errors.
func DecodeProcess(name string, data []byte) (*specs.Process, error) {
	r := &reader{text: string(data)}
	process := new(specs.Process)
	if err := r.document(name, func(r *reader) { readProcess(r, process) }); err != nil {
		return nil, err
	}
	return process, nil
}

// DecodeResources reads linux.resources alone, as `update --resources` gets it,
// into v: what isn't in the document stays as it is.
func DecodeResources(name string, data []byte, v *specs.LinuxResources) error {
	r := &reader{text: string(data)}
	return r.document(name, func(r *reader) { readResources(r, v) })
}

func readSpec(r *reader, v *specs.Spec) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "ociVersion":
			readString(r, &v.Version)
		case "process":
			readNew(r, &v.Process, readProcess)
		case "root":
			readNew(r, &v.Root, readRoot)
		case "hostname":
			readString(r, &v.Hostname)
		case "domainname":
			readString(r, &v.Domainname)
		case "mounts":
			readList(r, &v.Mounts, readMount)
		case "hooks":
			readNew(r, &v.Hooks, readHooks)
		case "annotations":
			readMap(r, &v.Annotations, readString[string])
		case "linux":
			readNew(r, &v.Linux, readLinux)
		default:
			r.unknown(key)
		}
	})
}

func readRoot(r *reader, v *specs.Root) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "path":
			readString(r, &v.Path)
		case "readonly":
			readBool(r, &v.Readonly)
		default:
			r.unknown(key)
		}
	})
}

func readMount(r *reader, v *specs.Mount) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "destination":
			readString(r, &v.Destination)
		case "type":
			readString(r, &v.Type)
		case "source":
			readString(r, &v.Source)
		case "options":
			readList(r, &v.Options, readString[string])
		case "uidMappings":
			readList(r, &v.UIDMappings, readIDMapping)
		case "gidMappings":
			readList(r, &v.GIDMappings, readIDMapping)
		default:
			r.unknown(key)
		}
	})
}

func readIDMapping(r *reader, v *specs.LinuxIDMapping) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "containerID":
			readUint(r, &v.ContainerID)
		case "hostID":
			readUint(r, &v.HostID)
		case "size":
			readUint(r, &v.Size)
		default:
			r.unknown(key)
		}
	})
}

func readHooks(r *reader, v *specs.Hooks) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "prestart":
			//nolint:staticcheck // deprecated, but a MUST of the spec
			readList(r, &v.Prestart, readHook)
		case "createRuntime":
			readList(r, &v.CreateRuntime, readHook)
		case "createContainer":
			readList(r, &v.CreateContainer, readHook)
		case "startContainer":
			readList(r, &v.StartContainer, readHook)
		case "poststart":
			readList(r, &v.Poststart, readHook)
		case "poststop":
			readList(r, &v.Poststop, readHook)
		default:
			r.unknown(key)
		}
	})
}

func readHook(r *reader, v *specs.Hook) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "path":
			readString(r, &v.Path)
		case "args":
			readList(r, &v.Args, readString[string])
		case "env":
			readList(r, &v.Env, readString[string])
		case "timeout":
			readNew(r, &v.Timeout, readInt[int])
		default:
			r.unknown(key)
		}
	})
}

func readProcess(r *reader, v *specs.Process) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "terminal":
			readBool(r, &v.Terminal)
		case "consoleSize":
			readNew(r, &v.ConsoleSize, readBox)
		case "user":
			readUser(r, &v.User)
		case "args":
			readList(r, &v.Args, readString[string])
		case "commandLine":
			readString(r, &v.CommandLine)
		case "env":
			readList(r, &v.Env, readString[string])
		case "cwd":
			readString(r, &v.Cwd)
		case "capabilities":
			readNew(r, &v.Capabilities, readCapabilities)
		case "rlimits":
			readList(r, &v.Rlimits, readRlimit)
		case "noNewPrivileges":
			readBool(r, &v.NoNewPrivileges)
		case "apparmorProfile":
			readString(r, &v.ApparmorProfile)
		case "oomScoreAdj":
			readNew(r, &v.OOMScoreAdj, readInt[int])
		case "scheduler":
			readNew(r, &v.Scheduler, readScheduler)
		case "selinuxLabel":
			readString(r, &v.SelinuxLabel)
		case "ioPriority":
			readNew(r, &v.IOPriority, readIOPriority)
		case "execCPUAffinity":
			readNew(r, &v.ExecCPUAffinity, readAffinity)
		default:
			r.unknown(key)
		}
	})
}

func readBox(r *reader, v *specs.Box) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "height":
			readUint(r, &v.Height)
		case "width":
			readUint(r, &v.Width)
		default:
			r.unknown(key)
		}
	})
}

func readUser(r *reader, v *specs.User) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "uid":
			readUint(r, &v.UID)
		case "gid":
			readUint(r, &v.GID)
		case "umask":
			readNew(r, &v.Umask, readUint[uint32])
		case "additionalGids":
			readList(r, &v.AdditionalGids, readUint[uint32])
		case "username":
			readString(r, &v.Username)
		default:
			r.unknown(key)
		}
	})
}

func readCapabilities(r *reader, v *specs.LinuxCapabilities) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "bounding":
			readList(r, &v.Bounding, readString[string])
		case "effective":
			readList(r, &v.Effective, readString[string])
		case "inheritable":
			readList(r, &v.Inheritable, readString[string])
		case "permitted":
			readList(r, &v.Permitted, readString[string])
		case "ambient":
			readList(r, &v.Ambient, readString[string])
		default:
			r.unknown(key)
		}
	})
}

func readRlimit(r *reader, v *specs.POSIXRlimit) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "type":
			readString(r, &v.Type)
		case "hard":
			readUint(r, &v.Hard)
		case "soft":
			readUint(r, &v.Soft)
		default:
			r.unknown(key)
		}
	})
}

func readScheduler(r *reader, v *specs.Scheduler) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "policy":
			readString(r, &v.Policy)
		case "nice":
			readInt(r, &v.Nice)
		case "priority":
			readInt(r, &v.Priority)
		case "flags":
			readList(r, &v.Flags, readString[specs.LinuxSchedulerFlag])
		case "runtime":
			readUint(r, &v.Runtime)
		case "deadline":
			readUint(r, &v.Deadline)
		case "period":
			readUint(r, &v.Period)
		default:
			r.unknown(key)
		}
	})
}

func readIOPriority(r *reader, v *specs.LinuxIOPriority) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "class":
			readString(r, &v.Class)
		case "priority":
			readInt(r, &v.Priority)
		default:
			r.unknown(key)
		}
	})
}

func readAffinity(r *reader, v *specs.CPUAffinity) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "initial":
			readString(r, &v.Initial)
		case "final":
			readString(r, &v.Final)
		default:
			r.unknown(key)
		}
	})
}
