package config

import (
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
)

func readLinux(r *jsontext.Reader, v *specs.Linux) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "uidMappings":
			jsontext.ReadList(r, &v.UIDMappings, readIDMapping)
		case "gidMappings":
			jsontext.ReadList(r, &v.GIDMappings, readIDMapping)
		case "sysctl":
			jsontext.ReadMap(r, &v.Sysctl, jsontext.ReadString[string])
		case "resources":
			jsontext.ReadOptional(r, &v.Resources, readResources)
		case "cgroupsPath":
			jsontext.ReadString(r, &v.CgroupsPath)
		case "namespaces":
			jsontext.ReadList(r, &v.Namespaces, readNamespace)
		case "devices":
			jsontext.ReadList(r, &v.Devices, readDevice)
		case "netDevices":
			jsontext.ReadMap(r, &v.NetDevices, readNetDevice)
		case "seccomp":
			jsontext.ReadOptional(r, &v.Seccomp, readSeccomp)
		case "rootfsPropagation":
			jsontext.ReadString(r, &v.RootfsPropagation)
		case "maskedPaths":
			jsontext.ReadList(r, &v.MaskedPaths, jsontext.ReadString[string])
		case "readonlyPaths":
			jsontext.ReadList(r, &v.ReadonlyPaths, jsontext.ReadString[string])
		case "mountLabel":
			jsontext.ReadString(r, &v.MountLabel)
		case "intelRdt":
			jsontext.ReadOptional(r, &v.IntelRdt, readIntelRdt)
		case "memoryPolicy":
			jsontext.ReadOptional(r, &v.MemoryPolicy, readMemoryPolicy)
		case "personality":
			jsontext.ReadOptional(r, &v.Personality, readPersonality)
		case "timeOffsets":
			jsontext.ReadMap(r, &v.TimeOffsets, readTimeOffset)
		default:
			r.Unknown(key)
		}
	})
}

func readNamespace(r *jsontext.Reader, v *specs.LinuxNamespace) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "type":
			jsontext.ReadString(r, &v.Type)
		case "path":
			jsontext.ReadString(r, &v.Path)
		default:
			r.Unknown(key)
		}
	})
}

func readDevice(r *jsontext.Reader, v *specs.LinuxDevice) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "path":
			jsontext.ReadString(r, &v.Path)
		case "type":
			jsontext.ReadString(r, &v.Type)
		case "major":
			jsontext.ReadInt(r, &v.Major)
		case "minor":
			jsontext.ReadInt(r, &v.Minor)
		case "fileMode":
			jsontext.ReadOptional(r, &v.FileMode, jsontext.ReadUint[os.FileMode])
		case "uid":
			jsontext.ReadOptional(r, &v.UID, jsontext.ReadUint[uint32])
		case "gid":
			jsontext.ReadOptional(r, &v.GID, jsontext.ReadUint[uint32])
		default:
			r.Unknown(key)
		}
	})
}

func readNetDevice(r *jsontext.Reader, v *specs.LinuxNetDevice) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "name":
			jsontext.ReadString(r, &v.Name)
		default:
			r.Unknown(key)
		}
	})
}

func readIntelRdt(r *jsontext.Reader, v *specs.LinuxIntelRdt) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "closID":
			jsontext.ReadString(r, &v.ClosID)
		case "schemata":
			jsontext.ReadList(r, &v.Schemata, jsontext.ReadString[string])
		case "l3CacheSchema":
			jsontext.ReadString(r, &v.L3CacheSchema)
		case "memBwSchema":
			jsontext.ReadString(r, &v.MemBwSchema)
		case "enableMonitoring":
			jsontext.ReadBool(r, &v.EnableMonitoring)
		default:
			r.Unknown(key)
		}
	})
}

func readMemoryPolicy(r *jsontext.Reader, v *specs.LinuxMemoryPolicy) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "mode":
			jsontext.ReadString(r, &v.Mode)
		case "nodes":
			jsontext.ReadString(r, &v.Nodes)
		case "flags":
			jsontext.ReadList(r, &v.Flags, jsontext.ReadString[specs.MemoryPolicyFlagType])
		default:
			r.Unknown(key)
		}
	})
}

func readPersonality(r *jsontext.Reader, v *specs.LinuxPersonality) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "domain":
			jsontext.ReadString(r, &v.Domain)
		case "flags":
			jsontext.ReadList(r, &v.Flags, jsontext.ReadString[specs.LinuxPersonalityFlag])
		default:
			r.Unknown(key)
		}
	})
}

func readTimeOffset(r *jsontext.Reader, v *specs.LinuxTimeOffset) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "secs":
			jsontext.ReadInt(r, &v.Secs)
		case "nanosecs":
			jsontext.ReadUint(r, &v.Nanosecs)
		default:
			r.Unknown(key)
		}
	})
}

func readSeccomp(r *jsontext.Reader, v *specs.LinuxSeccomp) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "defaultAction":
			jsontext.ReadString(r, &v.DefaultAction)
		case "defaultErrnoRet":
			jsontext.ReadOptional(r, &v.DefaultErrnoRet, jsontext.ReadUint[uint])
		case "architectures":
			jsontext.ReadList(r, &v.Architectures, jsontext.ReadString[specs.Arch])
		case "flags":
			jsontext.ReadList(r, &v.Flags, jsontext.ReadString[specs.LinuxSeccompFlag])
		case "listenerPath":
			jsontext.ReadString(r, &v.ListenerPath)
		case "listenerMetadata":
			jsontext.ReadString(r, &v.ListenerMetadata)
		case "syscalls":
			jsontext.ReadList(r, &v.Syscalls, readSyscall)
		default:
			r.Unknown(key)
		}
	})
}

func readSyscall(r *jsontext.Reader, v *specs.LinuxSyscall) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "names":
			jsontext.ReadList(r, &v.Names, jsontext.ReadString[string])
		case "action":
			jsontext.ReadString(r, &v.Action)
		case "errnoRet":
			jsontext.ReadOptional(r, &v.ErrnoRet, jsontext.ReadUint[uint])
		case "args":
			jsontext.ReadList(r, &v.Args, readSeccompArg)
		default:
			r.Unknown(key)
		}
	})
}

func readSeccompArg(r *jsontext.Reader, v *specs.LinuxSeccompArg) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "index":
			jsontext.ReadUint(r, &v.Index)
		case "value":
			jsontext.ReadUint(r, &v.Value)
		case "valueTwo":
			jsontext.ReadUint(r, &v.ValueTwo)
		case "op":
			jsontext.ReadString(r, &v.Op)
		default:
			r.Unknown(key)
		}
	})
}
