/**
 * Makes what the page knows of the API from its description, so that nothing is declared twice: the types of all shapes
 * (`src/data/schema.d.ts`) and the limits of the settings (`src/data/limits.json`). PYTHON runs Triplane, else `../.venv`.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const python = process.env.PYTHON ?? "../.venv/bin/python";
const description = execFileSync(python, ["-m", "triplane.api.describe"], { maxBuffer: 1e8 }).toString();
const api = JSON.parse(description);

const LIMITS = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"];
const settings = Object.entries(api.components.schemas.ChangeSettings.properties);
const limits = settings.map(([name, of]) => [name, Object.fromEntries(LIMITS.filter((key) => key in of).map((key) => [key, of[key]]))]);

writeFileSync("src/data/schema.d.ts", astToString(await openapiTS(api, { rootTypes: true, rootTypesNoSchemaPrefix: true })));
writeFileSync("src/data/limits.json", JSON.stringify(Object.fromEntries(limits)));
