import { useState } from "react";
import { LoadingSpinner } from "waybill/react";
import { store, useConnection } from "./page-store.js";
import { type ChosenFile, XMLHttpRequest } from "./surroundings.js";

interface Upload {
  readonly key: string;
  readonly name: string;
  readonly percent: number;
  /** Why it was refused; `null`: it is under way. */
  readonly problem: string | null;
}

/** Where files are chosen or dropped. What is under way, or was refused, stands below it. */
export function AddDocuments({
  workspaceId,
  disabled,
}: {
  readonly workspaceId: string;
  readonly disabled: boolean;
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
      setUploads((all) => [...all, { key, name: file.name, percent: 0, problem: null }]);
      const told = (percent: number): void => {
        change(key, { percent });
      };
      void send(workspaceId, file, told).then(async (problem) => {
        if (problem === null) await store.refresh().catch(() => undefined);
        change(key, problem === null ? null : { problem });
      });
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
      {uploads.map(({ key, name, percent, problem }) => (
        <li key={key}>
          <span className="name">{name}</span>
          {problem === null ? (
            <span className="facts">
              <LoadingSpinner size="sm" label={`Uploading ${name}`} /> {Math.round(percent * 100)} %
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

/** Resolves with why it was refused; `null`: it was not. */
function send(
  workspaceId: string,
  file: ChosenFile,
  told: (percent: number) => void,
): Promise<string | null> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/workspaces/${workspaceId}/documents?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = ({ loaded, total }) => {
      told(loaded / Math.max(1, total));
    };
    request.onload = () => {
      resolve(request.status === 202 ? null : detailOf(request.responseText));
    };
    request.onerror = () => {
      resolve("It did not get through.");
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
