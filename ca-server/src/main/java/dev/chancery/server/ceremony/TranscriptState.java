package dev.chancery.server.ceremony;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where a ceremony stands: its lines, put together. A line that could not have followed the others
 * is refused, whoever wrote it: what is signed once is never signed again.
 */
final class TranscriptState {
  private static final String OTHER_END = "it ends with something else than was made";
  private static final String UNMARKED = "the token was not marked before it was used";

  private final List<TranscriptLine> lines = new ArrayList<>();
  private final Map<String, TranscriptEntry.Signing> signing = new LinkedHashMap<>();
  private final Map<String, TranscriptEntry.Signed> signed = new LinkedHashMap<>();
  private final Map<String, TranscriptEntry.Abandoned> abandoned = new LinkedHashMap<>();
  private TranscriptEntry.@Nullable Begun begun;
  private TranscriptEntry.@Nullable Initializing initializing;
  private TranscriptEntry.@Nullable Marking marking;
  private TranscriptEntry.@Nullable Generating generating;
  private TranscriptEntry.@Nullable Generated generated;
  private @Nullable String tokenSerial;
  private boolean marked;
  private boolean unmarked;
  private TranscriptEntry.@Nullable Approved approved;
  private TranscriptEntry.@Nullable Approved actedUnder;
  private TranscriptEntry.@Nullable Late late;
  private boolean completed;
  private List<String> notMade = List.of();

  /**
   * The state that these lines of a file come to.
   *
   * @param text whole lines
   * @throws CeremonyRefused with the number of the first line that is wrong
   */
  static TranscriptState of(byte[] text) throws CeremonyRefused {
    TranscriptState state = new TranscriptState();
    int start = 0;
    for (int i = 0; i < text.length; i++) {
      if (text[i] == '\n') {
        byte[] line = new byte[i - start];
        System.arraycopy(text, start, line, 0, line.length);
        state.read(line);
        start = i + 1;
      }
    }
    if (start < text.length) {
      throw new CeremonyRefused("the transcript does not end with a whole line");
    }
    return state;
  }

  private void read(byte[] octets) throws CeremonyRefused {
    int number = lines.size() + 1;
    try {
      TranscriptLine line = TranscriptLine.parse(octets);
      if (line.number() != number) {
        throw new IllegalArgumentException("it calls itself line " + line.number());
      }
      if (!line.previous().equals(lastDigest())) {
        throw new IllegalArgumentException("the line before it is not the one that it names");
      }
      add(line);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new CeremonyRefused("line %d of the transcript: %s".formatted(number, e.getMessage()));
    }
  }

  /**
   * Adds a line.
   *
   * @throws IllegalStateException when it cannot follow the others; nothing is changed then
   */
  void add(TranscriptLine line) {
    require(line.entry());
    if (!lines.isEmpty() && line.time().isBefore(lines.getLast().time())) {
      throw new IllegalStateException(
          "its time %s is before %s, that of the line before it"
              .formatted(line.time(), lines.getLast().time()));
    }
    lines.add(line);
    if (isAct(line.entry())) {
      actedUnder = approved;
    }
    switch (line.entry()) {
      case TranscriptEntry.Begun entry -> begun = entry;
      case TranscriptEntry.Initializing entry -> initializing = entry;
      case TranscriptEntry.Initialized entry -> tokenSerial = entry.serial();
      case TranscriptEntry.Opened entry -> tokenSerial = entry.serial();
      case TranscriptEntry.Marking entry -> marking = entry;
      case TranscriptEntry.Marked _ -> marked = true;
      case TranscriptEntry.Unmarked _ -> unmarked = true;
      case TranscriptEntry.Generating entry -> generating = entry;
      case TranscriptEntry.Generated entry -> generated = entry;
      case TranscriptEntry.Signing entry -> signing.put(entry.item(), entry);
      case TranscriptEntry.Signed entry -> signed.put(entry.item(), entry);
      case TranscriptEntry.Abandoned entry -> abandoned.put(entry.item(), entry);
      case TranscriptEntry.Late entry -> late = entry;
      case TranscriptEntry.Completed _ -> completed = true;
      case TranscriptEntry.Ended entry -> {
        completed = true;
        notMade = entry.notMade();
      }
      case TranscriptEntry.Resumed _ -> approved = null;
      case TranscriptEntry.Approved entry -> approved = entry;
      case TranscriptEntry.Refusal _, TranscriptEntry.Witnessed _ -> {}
    }
  }

  /** Whether something is done with the token: a run that was refused before has done nothing. */
  static boolean isAct(TranscriptEntry entry) {
    return switch (entry) {
      case TranscriptEntry.Initializing _,
          TranscriptEntry.Opened _,
          TranscriptEntry.Marking _,
          TranscriptEntry.Unmarked _,
          TranscriptEntry.Generating _,
          TranscriptEntry.Signing _ ->
          true;
      case TranscriptEntry.Begun _,
          TranscriptEntry.Resumed _,
          TranscriptEntry.Refusal _,
          TranscriptEntry.Witnessed _,
          TranscriptEntry.Approved _,
          TranscriptEntry.Initialized _,
          TranscriptEntry.Marked _,
          TranscriptEntry.Generated _,
          TranscriptEntry.Signed _,
          TranscriptEntry.Abandoned _,
          TranscriptEntry.Late _,
          TranscriptEntry.Completed _,
          TranscriptEntry.Ended _ ->
          false;
    };
  }

  /** Whether it can follow the line that says that the ceremony is late. */
  private static boolean isOfLateEnd(TranscriptEntry entry) {
    return entry instanceof TranscriptEntry.Resumed
        || entry instanceof TranscriptEntry.Refusal
        || entry instanceof TranscriptEntry.Witnessed
        || entry instanceof TranscriptEntry.Abandoned
        || entry instanceof TranscriptEntry.Ended;
  }

  private void require(TranscriptEntry next) {
    require(!completed, "something follows the end");
    require((next instanceof TranscriptEntry.Begun) == (begun == null), "it begins wrongly");
    require(
        late == null || isOfLateEnd(next), "it goes on though the plan expired: it can only end");
    switch (next) {
      case TranscriptEntry.Initializing _ ->
          require(initializing == null && tokenSerial == null, "a token is initialized again");
      case TranscriptEntry.Initialized entry ->
          require(
              initializing != null
                  && tokenSerial == null
                  && !initializing.others().contains(entry.serial()),
              "no token was to be initialized, or not this one");
      case TranscriptEntry.Opened entry ->
          require(
              tokenSerial == null || tokenSerial.equals(entry.serial()),
              "the token has serial number " + entry.serial() + ", not " + tokenSerial);
      case TranscriptEntry.Unmarked entry ->
          require(
              marking == null && !unmarked && tokenSerial != null && isOfPlan(entry.plan()),
              "the token is to bear no mark, and has one, or of another plan");
      case TranscriptEntry.Marking entry ->
          require(
              marking == null && !unmarked && tokenSerial != null && isOfPlan(entry.plan()),
              "the token is marked again, or for another plan");
      case TranscriptEntry.Marked entry ->
          require(
              !marked
                  && marking != null
                  && marking.plan().equals(entry.plan())
                  && marking.transcript().equals(entry.transcript()),
              "the mark in the token is not the one that was to be made");
      case TranscriptEntry.Generating _ -> {
        require(marked || unmarked, UNMARKED);
        require(generating == null, "a second key is made");
      }
      case TranscriptEntry.Generated entry ->
          require(
              generating != null
                  && generated == null
                  && generating.keyId().equals(entry.keyId())
                  && generating.algorithm().equals(entry.algorithm()),
              "the key is not the one that was to be made");
      case TranscriptEntry.Signing entry -> {
        require(marked || unmarked, UNMARKED);
        require(!signing.containsKey(entry.item()), entry.item() + " is signed a second time");
      }
      case TranscriptEntry.Signed entry ->
          require(inDoubt(entry.item()), entry.item() + " was not to be signed");
      case TranscriptEntry.Abandoned entry ->
          require(inDoubt(entry.item()), entry.item() + " was not to be signed");
      case TranscriptEntry.Completed entry ->
          require(isAll(entry.made(), entry.abandoned()), OTHER_END);
      case TranscriptEntry.Ended entry -> {
        require(late != null, "it ends before its end, and was not late");
        require(isAll(entry.made(), entry.abandoned()), OTHER_END);
      }
      case TranscriptEntry.Late _,
          TranscriptEntry.Begun _,
          TranscriptEntry.Resumed _,
          TranscriptEntry.Refusal _,
          TranscriptEntry.Witnessed _,
          TranscriptEntry.Approved _ -> {}
    }
  }

  private boolean isOfPlan(String plan) {
    return begun().filter(first -> first.plan().equals(plan)).isPresent();
  }

  private boolean isAll(List<String> made, List<String> givenUp) {
    return inDoubt().isEmpty() && made.equals(made()) && givenUp.equals(abandoned());
  }

  private static void require(boolean condition, String complaint) {
    if (!condition) {
      throw new IllegalStateException(complaint);
    }
  }

  List<TranscriptLine> lines() {
    return List.copyOf(lines);
  }

  String lastDigest() {
    return lines.isEmpty() ? TranscriptLine.NONE : lines.getLast().digest();
  }

  Optional<TranscriptEntry.Begun> begun() {
    return Optional.ofNullable(begun);
  }

  /** The approval under which something was done with the token last. */
  Optional<TranscriptEntry.Approved> actedUnder() {
    return Optional.ofNullable(actedUnder);
  }

  Optional<TranscriptEntry.Initializing> initializing() {
    return Optional.ofNullable(initializing);
  }

  Optional<String> tokenSerial() {
    return Optional.ofNullable(tokenSerial);
  }

  /** The mark that was to be put into the token. */
  Optional<TranscriptEntry.Marking> marking() {
    return Optional.ofNullable(marking);
  }

  /** Whether the token has it. */
  boolean isMarked() {
    return marked;
  }

  /** Whether it was said that the token bears no mark. */
  boolean isUnmarked() {
    return unmarked;
  }

  boolean isGenerating() {
    return generating != null;
  }

  Optional<TranscriptEntry.Generated> generated() {
    return Optional.ofNullable(generated);
  }

  Optional<TranscriptEntry.Signing> signing(String item) {
    return Optional.ofNullable(signing.get(item));
  }

  /** The line that announces an item's signature. */
  Optional<TranscriptLine> signingLine(String item) {
    return lines.stream()
        .filter(line ->
            line.entry() instanceof TranscriptEntry.Signing entry && entry.item().equals(item))
        .findFirst();
  }

  /** The line before another one, which is not the first. */
  TranscriptLine before(TranscriptLine line) {
    return lines.get(line.number() - 2);
  }

  Optional<TranscriptEntry.Signed> signed(String item) {
    return Optional.ofNullable(signed.get(item));
  }

  Optional<TranscriptEntry.Abandoned> abandoned(String item) {
    return Optional.ofNullable(abandoned.get(item));
  }

  /** The items that are finished or given up, or may have been signed. */
  List<String> items() {
    return List.copyOf(signing.keySet());
  }

  /** The items that were signed, in their order. */
  List<String> made() {
    return List.copyOf(signed.keySet());
  }

  List<String> abandoned() {
    return List.copyOf(abandoned.keySet());
  }

  /** The items that the key may have signed, and of which no signature is known. */
  List<String> inDoubt() {
    return signing.keySet().stream().filter(this::inDoubt).toList();
  }

  private boolean inDoubt(String item) {
    return signing.containsKey(item) && !signed.containsKey(item) && !abandoned.containsKey(item);
  }

  /** The line that says that the plan expired before the end. */
  Optional<TranscriptEntry.Late> late() {
    return Optional.ofNullable(late);
  }

  /** What the end of a ceremony that was late has left. */
  List<String> notMade() {
    return notMade;
  }

  /** Whether it came to an end, be it a late one. */
  boolean isCompleted() {
    return completed;
  }
}
