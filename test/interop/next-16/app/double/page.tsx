import { redirect } from "next/navigation";
import { double } from "../../jobs";
import { waybill } from "../../waybill";
import { Shown } from "./shown";

async function submit(form: FormData) {
  "use server";
  const job = await waybill.submit(double, Number(form.get("n")), { owner: "ann" }).unwrap();
  const result = await waybill.result(double, job.id);
  redirect(`/double?id=${job.id}&result=${String(result)}`);
}

export default async function Page({
  searchParams,
}: {
  readonly searchParams: Promise<{ readonly id?: string }>;
}) {
  const { id } = await searchParams;
  const view = id === undefined ? null : await waybill.get(double, id);
  return (
    <form action={submit}>
      <input name="n" defaultValue="21" />
      <output>{view?.status === "COMPLETED" ? view.output : "none"}</output>
      {id === undefined ? null : <Shown id={id} />}
    </form>
  );
}
