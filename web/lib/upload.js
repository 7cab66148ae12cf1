// Sends a file straight to storage.

/** @typedef {{method: string, url: string, headers: Record<string, string>, fields: Record<string, string>}} Ticket */

/**
 * Upload a file with a presigned request from the API.
 *
 * @param {Ticket} ticket
 * @param {File} file
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {(share: number) => void} options.onProgress Called with the share that has been sent, from 0 to 1.
 * @returns {Promise<void>}
 * @throws {Error} If the storage rejects the file or cannot be reached.
 */
export function upload({ method, url, headers, fields }, file, { signal, onProgress }) {
  return new Promise((done, fail) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append("file", file);
    const failed = () => fail(new Error("the upload failed"));
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () => (request.status >= 200 && request.status < 300 ? done() : failed());
    request.onerror = failed;
    request.ontimeout = failed;
    request.onabort = () => fail(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}
