"use client";

import { createClient } from "waybill/client";
import { createHooks, StatusBadge } from "waybill/react";
import { double } from "../../jobs";

const client = createClient({ baseUrl: "http://localhost/jobs", jobs: [double] });
const { useJob } = createHooks(client);

/** On the server it shows what is there before anything is known. */
export function Shown({ id }: { readonly id: string }) {
  const { state, job } = useJob("double", id);
  return <p data-state={state}>{job ? <StatusBadge status={job.word} /> : "waiting"}</p>;
}
