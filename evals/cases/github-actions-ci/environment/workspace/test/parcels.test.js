import assert from "node:assert/strict";
import test from "node:test";
import { postage } from "../src/parcels.js";

test("each begun kilogram above the first costs more", () => {
  assert.equal(postage(800), 490);
  assert.equal(postage(2001), 730);
});
