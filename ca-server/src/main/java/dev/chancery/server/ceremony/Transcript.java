package dev.chancery.server.ceremony;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The ledger of a ceremony, and its record: a line is on the disk before what it announces is done,
 * so that after any end the next start knows what the key may have signed (docs/ceremony.md).
 */
final class Transcript implements AutoCloseable {
  static final String FILE = "transcript.jsonl";

  /** The clock was set back while the ceremony ran; nothing was written or done. */
  static final class ClockSetBack extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ClockSetBack(Instant now, Instant last) {
      super(
          ("this machine's clock was set back: it is %s, and the last line of the transcript is of"
                  + " %s: nothing more is begun before that")
              .formatted(now, last),
          null,
          false,
          false);
    }
  }

  /** How octets get to the disk; a test puts a failing one in. */
  interface Disk {
    /** Returns when all of them would outlive a power cut. */
    void append(FileChannel file, byte[] octets) throws IOException;
  }

  private final FileChannel file;
  private final Disk disk;
  private final Clock clock;
  private final TranscriptState state;
  private final int dropped;
  private boolean broken;

  private Transcript(FileChannel file, Disk disk, Clock clock, TranscriptState state, int dropped) {
    this.file = file;
    this.disk = disk;
    this.clock = clock;
    this.state = state;
    this.dropped = dropped;
  }

  /**
   * Opens the transcript of a directory, or begins it. A half-written last line is taken away: it
   * was being written when the process ended, so that what it announces was not begun.
   *
   * @throws CeremonyRefused when another process has it open, or a line is wrong
   */
  static Transcript open(Folder folder, Clock clock, Disk disk) throws CeremonyRefused {
    FileChannel file = null;
    try {
      file =
          FileChannel.open(
              folder.path(FILE),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      requireAlone(folder, file);
      folder.sync();
      byte[] text = folder.read(FILE);
      int end = text.length;
      while (end > 0 && text[end - 1] != '\n') {
        end--;
      }
      TranscriptState state = TranscriptState.of(Arrays.copyOf(text, end));
      file.truncate(end);
      file.position(end);
      return new Transcript(file, disk, clock, state, text.length - end);
    } catch (IOException e) {
      close(file);
      throw new CeremonyRefused(folder.path(FILE) + ": cannot be written");
    } catch (CeremonyRefused e) {
      close(file);
      throw e;
    }
  }

  private static void requireAlone(Folder folder, FileChannel file)
      throws CeremonyRefused, IOException {
    try {
      // Given back with the file, and by the end of the process.
      FileLock lock = file.tryLock();
      if (lock != null) {
        return;
      }
    } catch (OverlappingFileLockException e) {
      // The same refusal: it is open in this process.
    }
    throw new CeremonyRefused(folder.directory() + ": another ceremony runs there");
  }

  private static void close(@Nullable FileChannel file) {
    try {
      if (file != null) {
        file.close();
      }
    } catch (IOException e) {
      // The refusal that is on its way says more.
    }
  }

  TranscriptState state() {
    return state;
  }

  /** How many octets of a half-written line were taken away. */
  int dropped() {
    return dropped;
  }

  /**
   * Appends a line; it is on the disk when this returns. Of something that has happened when the
   * clock was set back it has the time of the line before.
   *
   * @throws ClockSetBack when it announces something, and the line before is of a later time
   * @throws IllegalStateException when it cannot follow the others; nothing is written then
   * @throws UncheckedIOException when it cannot be written; nothing more can be done then
   */
  void append(TranscriptEntry entry) {
    append(clock.instant(), entry);
  }

  /** As the other, for something that was at a time that somebody has looked at before. */
  void append(Instant at, TranscriptEntry entry) {
    if (broken) {
      throw new IllegalStateException("a line before could not be written");
    }
    Instant time = at.truncatedTo(ChronoUnit.MILLIS);
    if (!state.lines().isEmpty() && time.isBefore(state.lines().getLast().time())) {
      Instant last = state.lines().getLast().time();
      if (TranscriptState.isAct(entry)) {
        throw new ClockSetBack(time, last);
      }
      time = last;
    }
    TranscriptLine line =
        new TranscriptLine(state.lines().size() + 1, state.lastDigest(), time, entry);
    state.add(line);
    byte[] octets = line.octets();
    byte[] whole = Arrays.copyOf(octets, octets.length + 1);
    whole[octets.length] = '\n';
    try {
      broken = true;
      disk.append(file, whole);
      broken = false;
    } catch (IOException e) {
      throw new UncheckedIOException("the transcript cannot be written", e);
    }
  }

  @Override
  public void close() {
    close(file);
  }
}
