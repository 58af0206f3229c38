import { useState } from "react";
import { LoadingSpinner } from "waybill/react";
import { type ChosenFile, XMLHttpRequest } from "../../shell/browser.js";
import { type Made, store, useConnection } from "./page-store.js";

interface Upload {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  /** Why it was refused; `null`: it is under way. */
  readonly problem: string | null;
}

/** Where files are chosen or dropped. What is under way, or was refused, stands below it. */
export function AddDocuments({
  workspaceId,
  disabled,
  onAdding,
}: {
  readonly workspaceId: string;
  readonly disabled: boolean;
  /** A file is on its way; resolves with the id of its document, `null` where it was refused. */
  readonly onAdding: (added: Promise<string | null>) => void;
}) {
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const [over, setOver] = useState(false);
  const offline = useConnection().state === "offline";
  const off = disabled || offline;
  const change = (key: string, next: Partial<Upload> | null): void => {
    setUploads((all) =>
      next === null
        ? all.filter((one) => one.key !== key)
        : all.map((one) => (one.key === key ? { ...one, ...next } : one)),
    );
  };
  const add = (files: readonly ChosenFile[]): void => {
    for (const file of files) {
      const key = crypto.randomUUID();
      const { name, size } = file;
      setUploads((all) => [...all, { key, name, size, sent: 0, problem: null }]);
      const told = (sent: number): void => {
        change(key, { sent });
      };
      const added = send(workspaceId, file, told).then(async (made) => {
        if ("id" in made) await store.refresh().catch(() => undefined);
        change(key, "id" in made ? null : made);
        return "id" in made ? made.id : null;
      });
      onAdding(added);
    }
  };
  return (
    <>
      <label
        className="drop"
        data-over={over}
        data-disabled={off}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => {
          setOver(false);
        }}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          if (!off) add(filesOf(event.dataTransfer));
        }}
      >
        <span className="wide">Drop documents here, or choose files</span>
        <span className="narrow">Add documents</span>
        <input
          type="file"
          multiple
          disabled={off}
          onChange={({ currentTarget }) => {
            const input = currentTarget as unknown as { files: ArrayLike<ChosenFile>; value: string };
            add(filesOf(input));
            // The same file may be chosen again.
            input.value = "";
          }}
        />
      </label>
      {offline ? <p className="note">Offline: nothing can be added.</p> : null}
      {uploads.length === 0 ? null : <Uploads uploads={uploads} />}
    </>
  );
}

function Uploads({ uploads }: { readonly uploads: readonly Upload[] }) {
  return (
    <ul className="uploads">
      {uploads.map(({ key, name, size, sent, problem }) => (
        <li key={key}>
          <span className="name">{name}</span>
          {problem === null ? (
            <span className="facts">
              <LoadingSpinner size="sm" label={`Uploading ${name}`} /> {kilobytes(sent)} of {kilobytes(size)}{" "}
              kB
            </span>
          ) : (
            <span className="problem">✕ {problem}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

function filesOf(source: unknown): readonly ChosenFile[] {
  return Array.from((source as { readonly files: ArrayLike<ChosenFile> }).files);
}

function kilobytes(bytes: number): number {
  return Math.ceil(bytes / 1_000);
}

function send(workspaceId: string, file: ChosenFile, told: (sent: number) => void): Promise<Made> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/workspaces/${workspaceId}/documents?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = ({ loaded }) => {
      told(Math.min(loaded, file.size));
    };
    request.onload = () => {
      const { status, responseText } = request;
      resolve(
        status === 202
          ? (JSON.parse(responseText) as { readonly id: string })
          : { problem: detailOf(responseText) },
      );
    };
    request.onerror = () => {
      resolve({ problem: "It did not get through." });
    };
    request.send(file);
  });
}

function detailOf(body: string): string {
  try {
    return (JSON.parse(body) as { readonly detail: string }).detail;
  } catch {
    return "It was refused.";
  }
}
