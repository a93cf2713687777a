// The virtual rig stands in tools/host, where the bench uses it too.
export * from "../../tools/host/virtual";
