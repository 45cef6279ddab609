import type { Journal, JournalEvent } from "../core/journal.ts";

/** Those who wait for news of workloads, behind one journal subscription per workload however many they are. */
export interface Audience<Member> {
  /** Tells `member` all later news of `alias` until the returned function is called. */
  join(alias: string, member: Member): () => void;
  /** Everybody, of all workloads. */
  members(): Iterable<Member>;
  readonly size: number;
}

/** What is done with news. `News` is made once per event and shared. */
export interface Audition<Member, News> {
  /** null = not worth telling. */
  prepare(event: JournalEvent): News | null;
  tell(member: Member, news: News): void;
}

/** So many are told per turn of the event loop: 10,000 at once would keep the hooks of other routes waiting. */
const slice = 500;

interface Room<Member, News> {
  readonly members: Set<Member>;
  /** One after the other, so that nobody hears two events in the wrong order. */
  readonly jobs: Job<Member, News>[];
  readonly leave: () => void;
}

interface Job<Member, News> {
  readonly news: News;
  readonly members: readonly Member[];
  next: number;
}

export function createAudience<Member, News>(journal: Journal, audition: Audition<Member, News>): Audience<Member> {
  const rooms = new Map<string, Room<Member, News>>();
  let size = 0;

  const pump = (room: Room<Member, News>): void => {
    const job = room.jobs[0];
    if (job === undefined) return;
    const end = Math.min(job.next + slice, job.members.length);
    for (const member of job.members.slice(job.next, end)) {
      if (room.members.has(member)) audition.tell(member, job.news);
    }
    job.next = end;
    if (end === job.members.length) room.jobs.shift();
    if (room.jobs.length > 0) setImmediate(pump, room);
  };
  const hear = (room: Room<Member, News>, event: JournalEvent): void => {
    const news = audition.prepare(event);
    if (news === null || room.members.size === 0) return;
    room.jobs.push({ news, members: [...room.members], next: 0 });
    if (room.jobs.length === 1) pump(room);
  };
  const open = (alias: string): Room<Member, News> => {
    const room: Room<Member, News> = {
      members: new Set(),
      jobs: [],
      leave: journal.subscribe((event) => hear(room, event), alias),
    };
    rooms.set(alias, room);
    return room;
  };

  return {
    join(alias, member) {
      const room = rooms.get(alias) ?? open(alias);
      room.members.add(member);
      size++;
      return () => {
        if (!room.members.delete(member)) return;
        size--;
        if (room.members.size > 0 || rooms.get(alias) !== room) return;
        rooms.delete(alias);
        room.leave();
      };
    },
    *members() {
      for (const room of rooms.values()) yield* room.members;
    },
    get size() {
      return size;
    },
  };
}

/** Calls `each` for every item, a slice per turn of the event loop. */
export function inSlices<T>(items: readonly T[], each: (item: T) => void, from = 0): void {
  const end = Math.min(from + slice, items.length);
  for (const item of items.slice(from, end)) each(item);
  if (end < items.length) setImmediate(() => inSlices(items, each, end));
}
