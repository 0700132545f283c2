package specconv

import "github.com/opencontainers/runtime-spec/specs-go"

func readResources(r *reader, v *specs.LinuxResources) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "devices":
			readList(r, &v.Devices, readDeviceRule)
		case "memory":
			readNew(r, &v.Memory, readMemory)
		case "cpu":
			readNew(r, &v.CPU, readCPU)
		case "pids":
			readNew(r, &v.Pids, readPids)
		case "blockIO":
			readNew(r, &v.BlockIO, readBlockIO)
		case "hugepageLimits":
			readList(r, &v.HugepageLimits, readHugepageLimit)
		case "network":
			readNew(r, &v.Network, readNetwork)
		case "rdma":
			readMap(r, &v.Rdma, readRdma)
		case "unified":
			readMap(r, &v.Unified, readString[string])
		default:
			r.unknown(key)
		}
	})
}

func readDeviceRule(r *reader, v *specs.LinuxDeviceCgroup) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "allow":
			readBool(r, &v.Allow)
		case "type":
			readString(r, &v.Type)
		case "major":
			readNew(r, &v.Major, readInt[int64])
		case "minor":
			readNew(r, &v.Minor, readInt[int64])
		case "access":
			readString(r, &v.Access)
		default:
			r.unknown(key)
		}
	})
}

func readMemory(r *reader, v *specs.LinuxMemory) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "limit":
			readNew(r, &v.Limit, readInt[int64])
		case "reservation":
			readNew(r, &v.Reservation, readInt[int64])
		case "swap":
			readNew(r, &v.Swap, readInt[int64])
		case "kernel":
			//nolint:staticcheck // deprecated, but known
			readNew(r, &v.Kernel, readInt[int64])
		case "kernelTCP":
			readNew(r, &v.KernelTCP, readInt[int64])
		case "swappiness":
			readNew(r, &v.Swappiness, readUint[uint64])
		case "disableOOMKiller":
			readNew(r, &v.DisableOOMKiller, readBool)
		case "useHierarchy":
			readNew(r, &v.UseHierarchy, readBool)
		case "checkBeforeUpdate":
			readNew(r, &v.CheckBeforeUpdate, readBool)
		default:
			r.unknown(key)
		}
	})
}

func readCPU(r *reader, v *specs.LinuxCPU) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "shares":
			readNew(r, &v.Shares, readUint[uint64])
		case "quota":
			readNew(r, &v.Quota, readInt[int64])
		case "burst":
			readNew(r, &v.Burst, readUint[uint64])
		case "period":
			readNew(r, &v.Period, readUint[uint64])
		case "realtimeRuntime":
			readNew(r, &v.RealtimeRuntime, readInt[int64])
		case "realtimePeriod":
			readNew(r, &v.RealtimePeriod, readUint[uint64])
		case "cpus":
			readString(r, &v.Cpus)
		case "mems":
			readString(r, &v.Mems)
		case "idle":
			readNew(r, &v.Idle, readInt[int64])
		default:
			r.unknown(key)
		}
	})
}

func readPids(r *reader, v *specs.LinuxPids) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "limit":
			readNew(r, &v.Limit, readInt[int64])
		default:
			r.unknown(key)
		}
	})
}

func readBlockIO(r *reader, v *specs.LinuxBlockIO) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "weight":
			readNew(r, &v.Weight, readUint[uint16])
		case "leafWeight":
			readNew(r, &v.LeafWeight, readUint[uint16])
		case "weightDevice":
			readList(r, &v.WeightDevice, readWeightDevice)
		case "throttleReadBpsDevice":
			readList(r, &v.ThrottleReadBpsDevice, readThrottle)
		case "throttleWriteBpsDevice":
			readList(r, &v.ThrottleWriteBpsDevice, readThrottle)
		case "throttleReadIOPSDevice":
			readList(r, &v.ThrottleReadIOPSDevice, readThrottle)
		case "throttleWriteIOPSDevice":
			readList(r, &v.ThrottleWriteIOPSDevice, readThrottle)
		default:
			r.unknown(key)
		}
	})
}

func readWeightDevice(r *reader, v *specs.LinuxWeightDevice) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "major":
			readInt(r, &v.Major)
		case "minor":
			readInt(r, &v.Minor)
		case "weight":
			readNew(r, &v.Weight, readUint[uint16])
		case "leafWeight":
			readNew(r, &v.LeafWeight, readUint[uint16])
		default:
			r.unknown(key)
		}
	})
}

func readThrottle(r *reader, v *specs.LinuxThrottleDevice) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "major":
			readInt(r, &v.Major)
		case "minor":
			readInt(r, &v.Minor)
		case "rate":
			readUint(r, &v.Rate)
		default:
			r.unknown(key)
		}
	})
}

func readHugepageLimit(r *reader, v *specs.LinuxHugepageLimit) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "pageSize":
			readString(r, &v.Pagesize)
		case "limit":
			readUint(r, &v.Limit)
		default:
			r.unknown(key)
		}
	})
}

func readNetwork(r *reader, v *specs.LinuxNetwork) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "classID":
			readNew(r, &v.ClassID, readUint[uint32])
		case "priorities":
			readList(r, &v.Priorities, readInterfacePriority)
		default:
			r.unknown(key)
		}
	})
}

func readInterfacePriority(r *reader, v *specs.LinuxInterfacePriority) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "name":
			readString(r, &v.Name)
		case "priority":
			readUint(r, &v.Priority)
		default:
			r.unknown(key)
		}
	})
}

func readRdma(r *reader, v *specs.LinuxRdma) {
	r.object(v, func(r *reader, key string) {
		switch key {
		case "hcaHandles":
			readNew(r, &v.HcaHandles, readUint[uint32])
		case "hcaObjects":
			readNew(r, &v.HcaObjects, readUint[uint32])
		default:
			r.unknown(key)
		}
	})
}
