/** Postage in cents: a base price, and more for each begun kilogram above the first. */
export const postage = (grams) => 490 + 120 * Math.max(0, Math.ceil(grams / 1000) - 1);
