// Owns getting files out of what was dropped or pasted, folders included, within a bound. Knows nothing about uploads.

const FOLDER_FILES_MAX = 500;

export function carriesFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") ?? false;
}

/** The files in a drop. Folders are walked; hidden files in them (`.DS_Store` and such) are left out. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  // Entries must be taken before the first await: the browser empties the transfer afterwards.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const files: File[] = [];
  for (const entry of entries) await walk(entry, files);
  return files;
}

async function walk(entry: FileSystemEntry, into: File[]): Promise<void> {
  if (into.length >= FOLDER_FILES_MAX || entry.name.startsWith(".")) return;
  if (isFile(entry)) {
    const file = await new Promise<File | null>((done) => entry.file(done, () => done(null)));
    if (file !== null) into.push(file);
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    // readEntries gives at most a hundred at a time, and an empty list at the end.
    for (let more = await read(reader); more.length > 0; more = await read(reader)) {
      for (const child of more) await walk(child, into);
      if (into.length >= FOLDER_FILES_MAX) return;
    }
  }
}

function read(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((done) => reader.readEntries(done, () => done([])));
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
