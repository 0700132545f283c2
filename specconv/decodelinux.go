package specconv

import (
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func readLinux(r *reader, v *specs.Linux) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "uidMappings":
			readList(r, &v.UIDMappings, readIDMapping)
		case "gidMappings":
			readList(r, &v.GIDMappings, readIDMapping)
		case "sysctl":
			readMap(r, &v.Sysctl, readString[string])
		case "resources":
			readNew(r, &v.Resources, readResources)
		case "cgroupsPath":
			readString(r, &v.CgroupsPath)
		case "namespaces":
			readList(r, &v.Namespaces, readNamespace)
		case "devices":
			readList(r, &v.Devices, readDevice)
		case "netDevices":
			readMap(r, &v.NetDevices, readNetDevice)
		case "seccomp":
			readNew(r, &v.Seccomp, readSeccomp)
		case "rootfsPropagation":
			readString(r, &v.RootfsPropagation)
		case "maskedPaths":
			readList(r, &v.MaskedPaths, readString[string])
		case "readonlyPaths":
			readList(r, &v.ReadonlyPaths, readString[string])
		case "mountLabel":
			readString(r, &v.MountLabel)
		case "intelRdt":
			readNew(r, &v.IntelRdt, readIntelRdt)
		case "memoryPolicy":
			readNew(r, &v.MemoryPolicy, readMemoryPolicy)
		case "personality":
			readNew(r, &v.Personality, readPersonality)
		case "timeOffsets":
			readMap(r, &v.TimeOffsets, readTimeOffset)
		default:
			r.unknown(key)
		}
	})
}

func readNamespace(r *reader, v *specs.LinuxNamespace) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "type":
			readString(r, &v.Type)
		case "path":
			readString(r, &v.Path)
		default:
			r.unknown(key)
		}
	})
}

func readDevice(r *reader, v *specs.LinuxDevice) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "path":
			readString(r, &v.Path)
		case "type":
			readString(r, &v.Type)
		case "major":
			readInt(r, &v.Major)
		case "minor":
			readInt(r, &v.Minor)
		case "fileMode":
			readNew(r, &v.FileMode, readUint[os.FileMode])
		case "uid":
			readNew(r, &v.UID, readUint[uint32])
		case "gid":
			readNew(r, &v.GID, readUint[uint32])
		default:
			r.unknown(key)
		}
	})
}

func readNetDevice(r *reader, v *specs.LinuxNetDevice) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "name":
			readString(r, &v.Name)
		default:
			r.unknown(key)
		}
	})
}

func readIntelRdt(r *reader, v *specs.LinuxIntelRdt) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "closID":
			readString(r, &v.ClosID)
		case "schemata":
			readList(r, &v.Schemata, readString[string])
		case "l3CacheSchema":
			readString(r, &v.L3CacheSchema)
		case "memBwSchema":
			readString(r, &v.MemBwSchema)
		case "enableMonitoring":
			readBool(r, &v.EnableMonitoring)
		default:
			r.unknown(key)
		}
	})
}

func readMemoryPolicy(r *reader, v *specs.LinuxMemoryPolicy) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "mode":
			readString(r, &v.Mode)
		case "nodes":
			readString(r, &v.Nodes)
		case "flags":
			readList(r, &v.Flags, readString[specs.MemoryPolicyFlagType])
		default:
			r.unknown(key)
		}
	})
}

func readPersonality(r *reader, v *specs.LinuxPersonality) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "domain":
			readString(r, &v.Domain)
		case "flags":
			readList(r, &v.Flags, readString[specs.LinuxPersonalityFlag])
		default:
			r.unknown(key)
		}
	})
}

func readTimeOffset(r *reader, v *specs.LinuxTimeOffset) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "secs":
			readInt(r, &v.Secs)
		case "nanosecs":
			readUint(r, &v.Nanosecs)
		default:
			r.unknown(key)
		}
	})
}

func readSeccomp(r *reader, v *specs.LinuxSeccomp) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "defaultAction":
			readString(r, &v.DefaultAction)
		case "defaultErrnoRet":
			readNew(r, &v.DefaultErrnoRet, readUint[uint])
		case "architectures":
			readList(r, &v.Architectures, readString[specs.Arch])
		case "flags":
			readList(r, &v.Flags, readString[specs.LinuxSeccompFlag])
		case "listenerPath":
			readString(r, &v.ListenerPath)
		case "listenerMetadata":
			readString(r, &v.ListenerMetadata)
		case "syscalls":
			readList(r, &v.Syscalls, readSyscall)
		default:
			r.unknown(key)
		}
	})
}

func readSyscall(r *reader, v *specs.LinuxSyscall) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "names":
			readList(r, &v.Names, readString[string])
		case "action":
			readString(r, &v.Action)
		case "errnoRet":
			readNew(r, &v.ErrnoRet, readUint[uint])
		case "args":
			readList(r, &v.Args, readSeccompArg)
		default:
			r.unknown(key)
		}
	})
}

func readSeccompArg(r *reader, v *specs.LinuxSeccompArg) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "index":
			readUint(r, &v.Index)
		case "value":
			readUint(r, &v.Value)
		case "valueTwo":
			readUint(r, &v.ValueTwo)
		case "op":
			readString(r, &v.Op)
		default:
			r.unknown(key)
		}
	})
}
