// Why the limits are what they are, as text: each part stands once in the image, and takes memory only while it speaks.
export { brokenRules } from "./charge-rules.cold";
export { historyText, whyText } from "./limits-text.cold";
