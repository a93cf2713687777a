// The check of a patch, by a name that lets it stand in the image by itself: it is too long to be taken into its caller.
export { mergeDocument } from "./merge.cold";
