import type { AnnotationQuery, Dashboard } from "./node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen.js";

/** As JSON has it: no string enums. Nothing that the schema does not name is taken. */
type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer U>
      ? Plain<U>[]
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;

/** The schema leaves it to a data source what its annotations are asked by; MySQL's reads `rawQuery`. */
interface Annotations {
  list?: (Plain<AnnotationQuery> & { rawQuery?: string })[];
}

/** A dashboard by Grafana's schema. */
export type Board = Plain<Omit<Dashboard, "annotations">> & { annotations?: Annotations };
