// The network of the virtual rig stands in tools/host.
export * from "../../tools/host/virtual-network";
