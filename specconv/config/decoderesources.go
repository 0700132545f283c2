package config

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/runnel/runnel/internal/jsontext"
)

func readResources(r *jsontext.Reader, v *specs.LinuxResources) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "devices":
			jsontext.ReadList(r, &v.Devices, readDeviceRule)
		case "memory":
			jsontext.ReadOptional(r, &v.Memory, readMemory)
		case "cpu":
			jsontext.ReadOptional(r, &v.CPU, readCPU)
		case "pids":
			jsontext.ReadOptional(r, &v.Pids, readPids)
		case "blockIO":
			jsontext.ReadOptional(r, &v.BlockIO, readBlockIO)
		case "hugepageLimits":
			jsontext.ReadList(r, &v.HugepageLimits, readHugepageLimit)
		case "network":
			jsontext.ReadOptional(r, &v.Network, readNetwork)
		case "rdma":
			jsontext.ReadMap(r, &v.Rdma, readRdma)
		case "unified":
			jsontext.ReadMap(r, &v.Unified, jsontext.ReadString[string])
		default:
			r.Unknown(key)
		}
	})
}

func readDeviceRule(r *jsontext.Reader, v *specs.LinuxDeviceCgroup) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "allow":
			jsontext.ReadBool(r, &v.Allow)
		case "type":
			jsontext.ReadString(r, &v.Type)
		case "major":
			jsontext.ReadOptional(r, &v.Major, jsontext.ReadInt[int64])
		case "minor":
			jsontext.ReadOptional(r, &v.Minor, jsontext.ReadInt[int64])
		case "access":
			jsontext.ReadString(r, &v.Access)
		default:
			r.Unknown(key)
		}
	})
}

func readMemory(r *jsontext.Reader, v *specs.LinuxMemory) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "limit":
			jsontext.ReadOptional(r, &v.Limit, jsontext.ReadInt[int64])
		case "reservation":
			jsontext.ReadOptional(r, &v.Reservation, jsontext.ReadInt[int64])
		case "swap":
			jsontext.ReadOptional(r, &v.Swap, jsontext.ReadInt[int64])
		case "kernel":
			//nolint:staticcheck // deprecated, but known
			jsontext.ReadOptional(r, &v.Kernel, jsontext.ReadInt[int64])
		case "kernelTCP":
			jsontext.ReadOptional(r, &v.KernelTCP, jsontext.ReadInt[int64])
		case "swappiness":
			jsontext.ReadOptional(r, &v.Swappiness, jsontext.ReadUint[uint64])
		case "disableOOMKiller":
			jsontext.ReadOptional(r, &v.DisableOOMKiller, jsontext.ReadBool)
		case "useHierarchy":
			jsontext.ReadOptional(r, &v.UseHierarchy, jsontext.ReadBool)
		case "checkBeforeUpdate":
			jsontext.ReadOptional(r, &v.CheckBeforeUpdate, jsontext.ReadBool)
		default:
			r.Unknown(key)
		}
	})
}

func readCPU(r *jsontext.Reader, v *specs.LinuxCPU) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "shares":
			jsontext.ReadOptional(r, &v.Shares, jsontext.ReadUint[uint64])
		case "quota":
			jsontext.ReadOptional(r, &v.Quota, jsontext.ReadInt[int64])
		case "burst":
			jsontext.ReadOptional(r, &v.Burst, jsontext.ReadUint[uint64])
		case "period":
			jsontext.ReadOptional(r, &v.Period, jsontext.ReadUint[uint64])
		case "realtimeRuntime":
			jsontext.ReadOptional(r, &v.RealtimeRuntime, jsontext.ReadInt[int64])
		case "realtimePeriod":
			jsontext.ReadOptional(r, &v.RealtimePeriod, jsontext.ReadUint[uint64])
		case "cpus":
			jsontext.ReadString(r, &v.Cpus)
		case "mems":
			jsontext.ReadString(r, &v.Mems)
		case "idle":
			jsontext.ReadOptional(r, &v.Idle, jsontext.ReadInt[int64])
		default:
			r.Unknown(key)
		}
	})
}

func readPids(r *jsontext.Reader, v *specs.LinuxPids) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "limit":
			jsontext.ReadOptional(r, &v.Limit, jsontext.ReadInt[int64])
		default:
			r.Unknown(key)
		}
	})
}

func readBlockIO(r *jsontext.Reader, v *specs.LinuxBlockIO) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "weight":
			jsontext.ReadOptional(r, &v.Weight, jsontext.ReadUint[uint16])
		case "leafWeight":
			jsontext.ReadOptional(r, &v.LeafWeight, jsontext.ReadUint[uint16])
		case "weightDevice":
			jsontext.ReadList(r, &v.WeightDevice, readWeightDevice)
		case "throttleReadBpsDevice":
			jsontext.ReadList(r, &v.ThrottleReadBpsDevice, readThrottle)
		case "throttleWriteBpsDevice":
			jsontext.ReadList(r, &v.ThrottleWriteBpsDevice, readThrottle)
		case "throttleReadIOPSDevice":
			jsontext.ReadList(r, &v.ThrottleReadIOPSDevice, readThrottle)
		case "throttleWriteIOPSDevice":
			jsontext.ReadList(r, &v.ThrottleWriteIOPSDevice, readThrottle)
		default:
			r.Unknown(key)
		}
	})
}

func readWeightDevice(r *jsontext.Reader, v *specs.LinuxWeightDevice) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "major":
			jsontext.ReadInt(r, &v.Major)
		case "minor":
			jsontext.ReadInt(r, &v.Minor)
		case "weight":
			jsontext.ReadOptional(r, &v.Weight, jsontext.ReadUint[uint16])
		case "leafWeight":
			jsontext.ReadOptional(r, &v.LeafWeight, jsontext.ReadUint[uint16])
		default:
			r.Unknown(key)
		}
	})
}

func readThrottle(r *jsontext.Reader, v *specs.LinuxThrottleDevice) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "major":
			jsontext.ReadInt(r, &v.Major)
		case "minor":
			jsontext.ReadInt(r, &v.Minor)
		case "rate":
			jsontext.ReadUint(r, &v.Rate)
		default:
			r.Unknown(key)
		}
	})
}

func readHugepageLimit(r *jsontext.Reader, v *specs.LinuxHugepageLimit) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "pageSize":
			jsontext.ReadString(r, &v.Pagesize)
		case "limit":
			jsontext.ReadUint(r, &v.Limit)
		default:
			r.Unknown(key)
		}
	})
}

func readNetwork(r *jsontext.Reader, v *specs.LinuxNetwork) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "classID":
			jsontext.ReadOptional(r, &v.ClassID, jsontext.ReadUint[uint32])
		case "priorities":
			jsontext.ReadList(r, &v.Priorities, readInterfacePriority)
		default:
			r.Unknown(key)
		}
	})
}

func readInterfacePriority(r *jsontext.Reader, v *specs.LinuxInterfacePriority) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "name":
			jsontext.ReadString(r, &v.Name)
		case "priority":
			jsontext.ReadUint(r, &v.Priority)
		default:
			r.Unknown(key)
		}
	})
}

func readRdma(r *jsontext.Reader, v *specs.LinuxRdma) {
	r.Object(v, func(r *jsontext.Reader, key string) {
		switch key {
		case "hcaHandles":
			jsontext.ReadOptional(r, &v.HcaHandles, jsontext.ReadUint[uint32])
		case "hcaObjects":
			jsontext.ReadOptional(r, &v.HcaObjects, jsontext.ReadUint[uint32])
		default:
			r.Unknown(key)
		}
	})
}
