// ESLint rules for what Espruino reads differently and only scopes or tokens show. The lint over firmware/ and the
// check of the built image (check-image.ts) both use them; what the syntax tree alone shows stands in refused.ts.
import type { Rule, Scope } from "eslint";
import type { Identifier, Node } from "estree";
import { deviceGlobals, languageGlobals } from "./globals";
import { regexFault } from "./regex";

type Reference = Scope.Reference & { isTypeReference?: boolean };

/** A name that nothing declares must exist on the device. Option "language": Espruino's own globals are refused too. */
const knownGlobals: Rule.RuleModule = {
  create: (context) => ({
    "Program:exit"(program) {
      const scope = context.sourceCode.getScope(program),
        top = scope.upper ?? scope; // a module's scope lies in the global one
      const builtIn = top.variables.filter(({ defs }) => defs.length === 0).flatMap(({ references }) => references);
      for (const { identifier, isTypeReference } of [...top.through, ...builtIn] as Reference[]) {
        const { name } = identifier as Identifier;
        if (isTypeReference || languageGlobals.has(name)) continue;
        const device = deviceGlobals.has(name);
        if (device && context.options[0] !== "language") continue;
        const message = device
          ? `${name} belongs to drivers/`
          : `${name} does not exist on the device, or is not wanted there`;
        context.report({ node: identifier, message });
      }
    },
  }),
  meta: { schema: [{ enum: ["device", "language"] }] },
};

/**
 * Espruino has one variable for all turns of a loop, so a closure sees its last value. (A copy in the body is new each
 * turn.)
 */
const loopClosure: Rule.RuleModule = {
  create(context) {
    const check = (head: Node | null | undefined): void => {
      if (head?.type !== "VariableDeclaration" || head.kind === "var") return;
      for (const variable of context.sourceCode.getDeclaredVariables(head)) {
        for (const { from, identifier } of variable.references) {
          if (from.variableScope === variable.scope.variableScope) continue;
          context.report({
            node: identifier,
            message: `a closure over the loop's own ${variable.name} sees its last value: copy it in the body`,
          });
        }
      }
    };
    return {
      ForStatement: (node) => check(node.init),
      ForOfStatement: (node) => check(node.left),
      ForInStatement: (node) => check(node.left),
    };
  },
};

/**
 * Nothing is hoisted: in the function that declares them, functions and variables must stand before their use. And a
 * closure that is made in a block before its first `let` or `const` does not see those of the block, even when it runs
 * after them.
 */
const declaredFirst: Rule.RuleModule = {
  create: (context) => ({
    Program(program) {
      const visit = (scope: Scope.Scope): void => {
        for (const variable of scope.variables) {
          const name =
            variable.defs[0]?.type === "Parameter" ? undefined : (variable.defs[0]?.name as Identifier | undefined);
          for (const { identifier, from, isTypeReference } of name ? (variable.references as Reference[]) : []) {
            const inner = from.variableScope !== scope.variableScope,
              inBlock = scope.type === "block" || scope.type === "switch";
            if (isTypeReference || (inner && !inBlock) || identifier.range![0] >= name!.range![0]) continue;
            const fault = inner
              ? "does not exist yet for a closure made here, in its block"
              : "is used before its declaration runs";
            context.report({ node: identifier, message: `${variable.name} ${fault}` });
          }
        }
        scope.childScopes.forEach(visit);
      };
      visit(context.sourceCode.getScope(program));
    },
  }),
};

interface Call {
  from: unknown;
  to: unknown;
  identifier: Identifier;
  name: string;
}

/** Calls of declared functions by their names, each with the function that it stands in. */
function callsIn(scope: Scope.Scope): Call[] {
  const own = scope.variables.flatMap((variable) =>
    variable.references.flatMap(({ identifier, from }) => {
      const parent = (identifier as Rule.Node).parent as Node,
        to = variable.defs[0];
      if (to?.type !== "FunctionName" || parent.type !== "CallExpression" || parent.callee !== identifier) return [];
      return [
        {
          from: from.variableScope.block,
          to: to.node as unknown,
          identifier: identifier as Identifier,
          name: variable.name,
        },
      ];
    }),
  );
  return [...own, ...scope.childScopes.flatMap(callsIn)];
}

/** About thirty nested calls fit the chip's stack, and running over it can't be caught. */
const noRecursion: Rule.RuleModule = {
  create: (context) => ({
    Program(program) {
      const calls = callsIn(context.sourceCode.getScope(program));
      const leadsTo = (from: unknown, to: unknown, seen: Set<unknown>): boolean => {
        if (from === to) return true;
        if (seen.has(from)) return false;
        seen.add(from);
        return calls.some((call) => call.from === from && leadsTo(call.to, to, seen));
      };
      for (const { from, to, identifier, name } of calls) {
        if (leadsTo(to, from, new Set()))
          context.report({ node: identifier, message: `calling ${name} here leads back here` });
      }
    },
  }),
};

/**
 * A semicolon that JavaScript would insert is missing on the device: `return` takes the next line as its value. A bare
 * `return` needs its own even before a brace (see lines.ts).
 */
const semicolons: Rule.RuleModule = {
  create(context) {
    const check = (node: Rule.Node): void => {
      const parent = node.parent as Node | null;
      if (parent && /^For(In|Of)?Statement$/.test(parent.type) && (parent as { body?: Node }).body !== node) return;
      const { sourceCode } = context,
        next = sourceCode.getTokenAfter(node)?.value;
      const bare = node.type === "ReturnStatement" && !node.argument;
      if (sourceCode.getLastToken(node)!.value === ";" || (!bare && (next === "}" || next === undefined))) return;
      context.report({ node, message: "a semicolon is missing: the device goes on in the next line" });
    };
    const statements =
      "ExpressionStatement VariableDeclaration ReturnStatement BreakStatement ContinueStatement ThrowStatement DoWhileStatement";
    return Object.fromEntries(statements.split(" ").map((type) => [type, check]));
  },
};

const simpleRegex: Rule.RuleModule = {
  create: (context) => ({
    Literal(node) {
      const message = "regex" in node ? regexFault(node.regex.pattern, node.regex.flags) : "";
      if (message) context.report({ node, message });
    },
  }),
};

/** The ESLint plugin "espruino". */
export const espruino = {
  rules: {
    "known-globals": knownGlobals,
    "loop-closure": loopClosure,
    "declared-first": declaredFirst,
    "no-recursion": noRecursion,
    semicolons,
    "simple-regex": simpleRegex,
  },
};
