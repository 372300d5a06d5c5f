package dev.chancery.e2e;

import com.sun.jdi.AbsentInformationException;
import com.sun.jdi.ArrayReference;
import com.sun.jdi.Bootstrap;
import com.sun.jdi.ByteValue;
import com.sun.jdi.IncompatibleThreadStateException;
import com.sun.jdi.LocalVariable;
import com.sun.jdi.LongValue;
import com.sun.jdi.Method;
import com.sun.jdi.ObjectReference;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.StackFrame;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.MethodExitEvent;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.EventRequest;
import com.sun.jdi.request.MethodExitRequest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.awaitility.Awaitility;

/**
 * Stops a whole server at an exact instant and kills it there, by the debugger's interface: the
 * code that runs is the product's, unchanged.
 */
final class KillSwitch {
  private static final Duration LOADED = Duration.ofSeconds(60);
  private static final Duration REACHED = Duration.ofSeconds(90);

  private final VirtualMachine machine;
  private final Process process;

  private KillSwitch(VirtualMachine machine, Process process) {
    this.machine = machine;
    this.process = process;
  }

  /** What was under way when the process was killed; the serial number once there was one. */
  record Interrupted(UUID order, Optional<String> serial) {}

  /** Attaches to a server that listens for a debugger on a port of the loopback address. */
  static KillSwitch attach(Process process, int port) throws Exception {
    AttachingConnector connector =
        Bootstrap.virtualMachineManager().attachingConnectors().stream()
            .filter(one -> one.name().equals("com.sun.jdi.SocketAttach"))
            .findFirst()
            .orElseThrow();
    Map<String, Connector.Argument> arguments = connector.defaultArguments();
    arguments.get("hostname").setValue("127.0.0.1");
    arguments.get("port").setValue(Integer.toString(port));
    return new KillSwitch(connector.attach(arguments), process);
  }

  /** Waits until the step is reached for the number-th time, and kills the process right there. */
  Interrupted killAt(CrashStep step, int number) throws Exception {
    Method method = method(step);
    BreakpointRequest entry =
        machine.eventRequestManager().createBreakpointRequest(method.location());
    entry.setSuspendPolicy(EventRequest.SUSPEND_ALL);
    entry.enable();
    int seen = 0;
    long end = System.nanoTime() + REACHED.toNanos();
    while (System.nanoTime() < end) {
      EventSet events = machine.eventQueue().remove(1000);
      if (events == null) {
        continue;
      }
      for (Event event : events) {
        Optional<ThreadReference> there = threadAt(event, step, method);
        if (there.isEmpty()) {
          continue;
        }
        if (event instanceof BreakpointEvent && ++seen < number) {
          continue;
        }
        if (event instanceof BreakpointEvent && step.at() == CrashStep.At.RETURN) {
          awaitReturn(there.get(), method);
          continue;
        }
        Interrupted interrupted = interrupted(there.get());
        process.destroyForcibly().waitFor();
        return interrupted;
      }
      events.resume();
    }
    throw new AssertionError(step + " was reached " + seen + " times, not " + number);
  }

  private Method method(CrashStep step) {
    ReferenceType type =
        Awaitility.await(step.className())
            .atMost(LOADED)
            .until(() -> machine.classesByName(step.className()), loaded -> !loaded.isEmpty())
            .getFirst();
    List<Method> methods =
        type.methodsByName(step.method()).stream().filter(one -> !one.isBridge()).toList();
    if (methods.size() != 1) {
      throw new AssertionError(step + " does not name one method: " + methods);
    }
    return methods.getFirst();
  }

  /** The thread that is at the step for an order that its client finalizes. */
  private static Optional<ThreadReference> threadAt(Event event, CrashStep step, Method method)
      throws IncompatibleThreadStateException {
    ThreadReference thread =
        switch (event) {
          case BreakpointEvent breakpoint -> breakpoint.thread();
          case MethodExitEvent exit when exit.method().equals(method) -> exit.thread();
          default -> null;
        };
    return Optional.ofNullable(thread)
        .filter(one -> frame(one, step.under()).isPresent())
        .filter(one -> frame(one, CrashStep.Classes.FINALIZE + ".reply").isPresent());
  }

  private void awaitReturn(ThreadReference thread, Method method) {
    MethodExitRequest exit = machine.eventRequestManager().createMethodExitRequest();
    exit.addThreadFilter(thread);
    exit.addClassFilter(method.declaringType());
    exit.setSuspendPolicy(EventRequest.SUSPEND_ALL);
    exit.enable();
  }

  private static Interrupted interrupted(ThreadReference thread) throws Exception {
    ObjectReference order =
        local(frame(thread, CrashStep.Classes.FINALIZE + ".reply").orElseThrow(), "id")
            .orElseThrow();
    Optional<StackFrame> issuing = frame(thread, CrashStep.Classes.AUTHORITY + ".issue");
    return new Interrupted(
        uuid(field(order, "value")),
        issuing.isEmpty()
            ? Optional.empty()
            : local(issuing.get(), "prepared").map(prepared -> serial(field(prepared, "serial"))));
  }

  private static Optional<StackFrame> frame(ThreadReference thread, String method) {
    try {
      return thread.frames().stream()
          .filter(frame ->
              method.equals(
                  frame.location().declaringType().name() + "." + frame.location().method().name()))
          .findFirst();
    } catch (IncompatibleThreadStateException e) {
      throw new IllegalStateException("the thread is not suspended", e);
    }
  }

  private static Optional<ObjectReference> local(StackFrame frame, String name)
      throws AbsentInformationException {
    LocalVariable variable = frame.visibleVariableByName(name);
    return variable == null
        ? Optional.empty()
        : Optional.ofNullable((ObjectReference) frame.getValue(variable));
  }

  private static ObjectReference field(ObjectReference object, String name) {
    return (ObjectReference) object.getValue(object.referenceType().fieldByName(name));
  }

  private static UUID uuid(ObjectReference uuid) {
    return new UUID(number(uuid, "mostSigBits"), number(uuid, "leastSigBits"));
  }

  private static long number(ObjectReference object, String name) {
    return ((LongValue) object.getValue(object.referenceType().fieldByName(name))).value();
  }

  private static String serial(ObjectReference serial) {
    List<com.sun.jdi.Value> values = ((ArrayReference) field(serial, "octets")).getValues();
    byte[] octets = new byte[values.size()];
    for (int i = 0; i < octets.length; i++) {
      octets[i] = ((ByteValue) values.get(i)).value();
    }
    return HexFormat.of().formatHex(octets);
  }
}
